"""The client for scripts, notebooks and tasks. `asynchronous` is the same for coroutines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from registry_service.client import calls, carrying, credentials, following, plans
from registry_service.client.calls import Call
from registry_service.client.following import Following, Hear, Listen, Tell
from registry_service.client.handles.names import ModelName, PromotionName
from registry_service.client.handles.sync import Listing, ModelHandle, PromotionHandle
from registry_service.client.methods import described_by
from registry_service.client.plans import AT_ONCE, Pause, Plan, SideBySide, Step
from registry_service.client.retries import DEFAULT_RETRIES
from registry_service.client.transfer import PIECE
from registry_service.client.transport import Exchange, Retries, Session, Verify
from registry_service.client.watch import Watch
from registry_service.domain.entities import Event, Page
from registry_service.domain.errors import RegistryError

P = ParamSpec("P")
T = TypeVar("T")


def _sends(build: Callable[P, Call[T]]) -> Callable[Concatenate[RegistryClient, P], T]:
    @described_by(build)
    def method(self: RegistryClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.send(build(*args, **kwargs))

    return method


def _iterates(build: Callable[P, Call[Page[T]]]) -> Callable[Concatenate[RegistryClient, P], Iterator[T]]:
    @described_by(build)
    def method(self: RegistryClient, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        return self.iterate(build(*args, **kwargs))

    return method


def _lists(build: Callable[P, Call[Page[T]]]) -> Callable[Concatenate[RegistryClient, P], Listing[T]]:
    @described_by(build)
    def method(self: RegistryClient, /, *args: P.args, **kwargs: P.kwargs) -> Listing[T]:
        return Listing(self, build(*args, **kwargs))

    return method


def _follows(build: Callable[P, Plan[T]]) -> Callable[Concatenate[RegistryClient, P], T]:
    @described_by(build)
    def method(self: RegistryClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.follow(build(*args, **kwargs))

    return method


def _tells(build: Callable[P, Following]) -> Callable[Concatenate[RegistryClient, P], Iterator[Event]]:
    @described_by(build)
    def method(self: RegistryClient, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[Event]:
        return self._tell(build(*args, **kwargs))

    return method


class _Line:
    """A stream of events that is open."""

    def __init__(self, exchange: Exchange[Any], response: httpx.Response) -> None:
        self._exchange = exchange
        self._response = response
        self._pieces = response.iter_bytes()

    @classmethod
    def open(cls, http: httpx.Client, call: Call[Any], session: Session) -> _Line:
        exchange = Exchange(call, session)
        try:
            response = http.send(exchange.request(http, None), stream=True)
        except httpx.RequestError as error:
            raise exchange.lost(error) from error
        try:
            if not response.is_success:
                response.read()
                exchange.answer(response)
            exchange.check_stream(response)
        except httpx.RequestError as error:
            raise exchange.lost(error) from error
        except RegistryError:
            response.close()
            raise
        return cls(exchange, response)

    def hear(self) -> bytes:
        try:
            return next(self._pieces, b"")
        except httpx.RequestError as error:
            raise self._exchange.lost(error) from error

    def close(self) -> None:
        self._response.close()


class RegistryClient:
    """Calls a registry; safe to share between threads.

    `url` and `token` come from the environment, from the registry in use (`model-registry config`) or from the
    profile's credentials file where they aren't given; `registry` names one that is known, before all of these.
    `timeout` is in seconds without a sign of life. `retries` is how often a call is repeated that may be, or the whole
    policy. `verify`: True, a file with certificate authorities, or an SSL context.

    Every method raises the class of `registry_service.domain.errors` that the service refused with,
    `RegistryUnreachable` where no answer came, and `NotConfigured` on making a client that lacks URL or token.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        registry: str | None = None,
        profile: str = credentials.PERSON,
        timeout: float = 30.0,
        retries: Retries = DEFAULT_RETRIES,
        verify: Verify = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        found = credentials.find(url, token, registry=registry, profile=profile)
        self._session = Session(found, timeout=timeout, retries=retries, verify=verify)
        self._http = httpx.Client(verify=self._session.verify, trust_env=self._session.trust_env, transport=transport)

    @property
    def url(self) -> str:
        """The registry's address."""
        return self._session.url

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def send(self, call: Call[T]) -> T:
        """Send a call and wait for its answer, repeating it as far as that is safe."""
        return self._send(call, Watch())

    def _send(self, call: Call[T], watch: Watch) -> T:
        exchange = Exchange(call, self._session)
        while True:
            try:
                content = None if call.content is None else watch.over(call.content.pieces())
                response = self._http.send(exchange.request(self._http, content), stream=True)
                elsewhere = exchange.elsewhere(self._http, response)
                if elsewhere is not None:
                    response.close()
                    response = self._http.send(elsewhere, stream=True)
                try:
                    sink = exchange.sink(response)
                    if sink is None:
                        response.read()
                    else:
                        for piece in watch.over(response.iter_bytes(PIECE)):
                            sink.write(piece)
                finally:
                    response.close()
                return exchange.answer(response)
            except (httpx.RequestError, RegistryError) as error:
                pause = exchange.pause_after(error)
            watch.pause(pause)

    def iterate(self, call: Call[Page[T]]) -> Iterator[T]:
        """All items of a list, page after page."""

        while True:
            page = self.send(call)
            yield from page.items
            if page.next_cursor is None:
                return
            call = call.after_cursor(page.next_cursor)

    def follow(self, plan: Plan[T]) -> T:
        """Take a plan's steps to its end."""
        return self._follow(plan, Watch())

    def _follow(self, plan: Plan[T], watch: Watch) -> T:
        try:
            step = next(plan)
            while True:
                try:
                    result = self._take(step, watch)
                except RegistryError as refusal:
                    step = plan.throw(refusal)
                else:
                    step = plan.send(result)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return] # a generator's value, which StopIteration leaves untyped
        finally:
            plan.close()

    def _tell(self, plan: Following) -> Iterator[Event]:
        line: _Line | None = None
        try:
            step = next(plan)
            while True:
                result: Any = None
                try:
                    if isinstance(step, Tell):
                        yield step.event
                    elif isinstance(step, Listen):
                        if line is not None:
                            line.close()
                        line = _Line.open(self._http, step.call, self._session)
                    elif isinstance(step, Hear):
                        assert line is not None, "a plan listens before it hears"
                        result = line.hear()
                    else:
                        result = self._take(step, Watch())
                except RegistryError as refusal:
                    step = plan.throw(refusal)
                else:
                    step = plan.send(result)
        finally:
            if line is not None:
                line.close()

    def _take(self, step: Step, watch: Watch) -> Any:  # noqa: ANN401 - the plan's helpers know the type
        if isinstance(step, Call):
            return self._send(step, watch)
        if isinstance(step, Pause):
            return watch.pause(step.seconds)
        if isinstance(step, SideBySide):
            work: list[Callable[[], Any]] = [partial(self._follow, plan, watch) for plan in step.plans]
        else:
            work = list(step.functions)
        if len(work) == 1:
            return [work[0]()]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="model-registry") as pool:
            futures = [pool.submit(function) for function in work]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
                for future in futures:
                    if future.done():
                        future.result()
                return [future.result() for future in futures]
            except RegistryError:
                raise  # the plan may have an answer to it, with more to send
            except BaseException:
                watch.abandon()
                raise
            finally:
                for future in futures:
                    future.cancel()

    def model(self, name: str) -> ModelHandle:
        """A handle of the model, and from there of its versions, stages and aliases. Nothing is asked for yet."""
        return ModelHandle(self, ModelName(name))

    def promotion(self, promotion: str) -> PromotionHandle:
        """A handle of the promotion with this id. Nothing is asked for yet."""
        return PromotionHandle(self, PromotionName(promotion))

    models = _lists(calls.list_models)
    versions = _lists(calls.list_all_versions)
    promotions = _lists(calls.list_promotions)

    # One line a call; what it takes and answers stands at its description.
    list_models = _sends(calls.list_models)
    create_model = _sends(calls.create_model)
    get_model = _sends(calls.get_model)
    update_model = _sends(calls.update_model)
    rename_model = _sends(calls.rename_model)
    delete_model = _sends(calls.delete_model)
    restore_model = _sends(calls.restore_model)
    release_name = _sends(calls.release_name)
    list_aliases = _sends(calls.list_aliases)
    get_alias = _sends(calls.get_alias)
    move_alias = _sends(calls.move_alias)
    remove_alias = _sends(calls.remove_alias)

    list_versions = _sends(calls.list_versions)
    list_all_versions = _sends(calls.list_all_versions)
    search = _sends(calls.search)
    count_facets = _sends(calls.count_facets)
    count_model_facets = _sends(calls.count_model_facets)
    register_version = _sends(calls.register_version)
    get_version = _sends(calls.get_version)
    update_version = _sends(calls.update_version)
    revoke_version = _sends(calls.revoke_version)
    revoke_impact = _sends(calls.revoke_impact)
    delete_version = _sends(calls.delete_version)
    restore_version = _sends(calls.restore_version)
    place_legal_hold = _sends(calls.place_legal_hold)
    lift_legal_hold = _sends(calls.lift_legal_hold)
    get_manifest = _sends(calls.get_manifest)
    download_file = _sends(calls.download_file)
    download_attachment = _sends(calls.download_attachment)
    list_checks = _sends(calls.list_checks)
    report_check = _sends(calls.report_check)
    list_usages = _sends(calls.list_usages)
    report_usage = _sends(calls.report_usage)
    get_version_use = _sends(calls.get_version_use)
    compare_versions = _sends(calls.compare_versions)

    get_lineage = _sends(calls.get_lineage)
    add_lineage = _sends(calls.add_lineage)
    list_made_from = _sends(calls.list_made_from)
    list_provenance = _sends(calls.list_provenance)
    list_served = _sends(calls.list_served)
    get_deployment_provenance = _sends(calls.get_deployment_provenance)

    list_uploads = _sends(calls.list_uploads)
    start_upload = _sends(calls.start_upload)
    get_upload = _sends(calls.get_upload)
    get_upload_file = _sends(calls.get_upload_file)
    send_upload_file = _sends(calls.send_upload_file)
    continue_upload_file = _sends(calls.continue_upload_file)
    sign_upload_parts = _sends(calls.sign_upload_parts)
    complete_upload_file = _sends(calls.complete_upload_file)
    abort_upload = _sends(calls.abort_upload)

    list_stages = _sends(calls.list_stages)
    arrange_stages = _sends(calls.arrange_stages)
    get_stage = _sends(calls.get_stage)
    stage_history = _sends(calls.stage_history)
    hold_stage = _sends(calls.hold_stage)
    release_stage = _sends(calls.release_stage)
    vacate_stage = _sends(calls.vacate_stage)
    roll_back = _sends(calls.roll_back)
    clear_failure = _sends(calls.clear_failure)

    list_promotions = _sends(calls.list_promotions)
    request_promotion = _sends(calls.request_promotion)
    get_promotion = _sends(calls.get_promotion)
    list_possible_reviewers = _sends(calls.list_possible_reviewers)
    review_promotion = _sends(calls.review_promotion)
    review_promotions = _sends(calls.review_promotions)
    withdraw_review = _sends(calls.withdraw_review)
    take_lease = _sends(calls.take_lease)
    release_lease = _sends(calls.release_lease)
    apply_promotion = _sends(calls.apply_promotion)
    fail_promotion = _sends(calls.fail_promotion)
    cancel_promotion = _sends(calls.cancel_promotion)

    get_card = _sends(calls.get_card)
    write_card = _sends(calls.write_card)
    list_card_history = _sends(calls.list_card_history)
    get_card_revision = _sends(calls.get_card_revision)
    get_version_card = _sends(calls.get_version_card)

    list_model_comments = _sends(calls.list_model_comments)
    comment_on_model = _sends(calls.comment_on_model)
    list_version_comments = _sends(calls.list_version_comments)
    comment_on_version = _sends(calls.comment_on_version)
    list_promotion_comments = _sends(calls.list_promotion_comments)
    comment_on_promotion = _sends(calls.comment_on_promotion)
    get_comment = _sends(calls.get_comment)
    edit_comment = _sends(calls.edit_comment)
    remove_comment = _sends(calls.remove_comment)

    get_inbox = _sends(calls.get_inbox)
    mark_mentions_read = _sends(calls.mark_mentions_read)

    list_activity = _sends(calls.list_activity)
    list_subscriptions = _sends(calls.list_subscriptions)
    subscribe = _sends(calls.subscribe)
    unsubscribe = _sends(calls.unsubscribe)

    list_delegations = _sends(calls.list_delegations)
    delegate = _sends(calls.delegate)
    end_delegation = _sends(calls.end_delegation)

    list_deployments = _sends(calls.list_deployments)
    start_deployment = _sends(calls.start_deployment)
    get_deployment = _sends(calls.get_deployment)
    observe_deployment = _sends(calls.observe_deployment)
    list_deployment_metrics = _sends(calls.list_deployment_metrics)
    compare_roles = _sends(calls.compare_roles)
    live = _sends(calls.live)

    list_policies = _sends(calls.list_policies)
    write_policy = _sends(calls.write_policy)
    get_policy = _sends(calls.get_policy)
    list_policy_changes = _sends(calls.list_policy_changes)
    confirm_policy_change = _sends(calls.confirm_policy_change)
    withdraw_policy_change = _sends(calls.withdraw_policy_change)
    list_attachments = _sends(calls.list_attachments)
    attach_policy = _sends(calls.attach_policy)
    detach_policy = _sends(calls.detach_policy)
    test_policy = _sends(calls.test_policy)
    list_retention_rules = _sends(calls.list_retention_rules)
    write_retention_rule = _sends(calls.write_retention_rule)
    get_retention_rule = _sends(calls.get_retention_rule)
    end_retention_rule = _sends(calls.end_retention_rule)
    list_previews = _sends(calls.list_previews)
    list_model_stock = _sends(calls.list_model_stock)
    list_forgotten_versions = _sends(calls.list_forgotten_versions)
    list_forgotten_stages = _sends(calls.list_forgotten_stages)
    list_forgotten_uploads = _sends(calls.list_forgotten_uploads)
    start_preview = _sends(calls.start_preview)
    get_preview = _sends(calls.get_preview)
    list_previewed_versions = _sends(calls.list_previewed_versions)
    continue_preview = _sends(calls.continue_preview)
    apply_preview = _sends(calls.apply_preview)

    read_events = _sends(calls.read_events)
    stream_events = _sends(calls.stream_events)
    list_consumers = _sends(calls.list_consumers)
    get_consumer = _sends(calls.get_consumer)
    move_consumer = _sends(calls.move_consumer)
    remove_consumer = _sends(calls.remove_consumer)

    who_am_i = _sends(calls.who_am_i)
    list_principals = _sends(calls.list_principals)
    create_principal = _sends(calls.create_principal)
    get_principal = _sends(calls.get_principal)
    update_principal = _sends(calls.update_principal)
    create_grant = _sends(calls.create_grant)
    remove_grant = _sends(calls.remove_grant)
    list_groups = _sends(calls.list_groups)
    write_group = _sends(calls.write_group)
    remove_group = _sends(calls.remove_group)
    list_tokens = _sends(calls.list_tokens)
    create_token = _sends(calls.create_token)
    revoke_token = _sends(calls.revoke_token)
    create_login_link = _sends(calls.create_login_link)
    end_sessions = _sends(calls.end_sessions)

    collect_garbage = _sends(calls.collect_garbage)
    scrub = _sends(calls.scrub)

    iterate_deployments = _iterates(calls.list_deployments)
    iterate_deployment_metrics = _iterates(calls.list_deployment_metrics)
    iterate_live = _iterates(calls.live)
    iterate_consumers = _iterates(calls.list_consumers)
    iterate_models = _iterates(calls.list_models)
    iterate_aliases = _iterates(calls.list_aliases)
    iterate_policies = _iterates(calls.list_policies)
    iterate_policy_changes = _iterates(calls.list_policy_changes)
    iterate_retention_rules = _iterates(calls.list_retention_rules)
    iterate_previews = _iterates(calls.list_previews)
    iterate_model_stock = _iterates(calls.list_model_stock)
    iterate_forgotten_versions = _iterates(calls.list_forgotten_versions)
    iterate_forgotten_stages = _iterates(calls.list_forgotten_stages)
    iterate_forgotten_uploads = _iterates(calls.list_forgotten_uploads)
    iterate_previewed_versions = _iterates(calls.list_previewed_versions)
    iterate_attachments = _iterates(calls.list_attachments)
    iterate_principals = _iterates(calls.list_principals)
    iterate_groups = _iterates(calls.list_groups)
    iterate_uploads = _iterates(calls.list_uploads)
    iterate_tokens = _iterates(calls.list_tokens)
    iterate_promotions = _iterates(calls.list_promotions)
    iterate_stages = _iterates(calls.list_stages)
    iterate_stage_history = _iterates(calls.stage_history)
    iterate_versions = _iterates(calls.list_versions)
    iterate_search = _iterates(calls.search)
    iterate_all_versions = _iterates(calls.list_all_versions)
    iterate_provenance = _iterates(calls.list_provenance)
    iterate_served = _iterates(calls.list_served)
    iterate_made_from = _iterates(calls.list_made_from)
    iterate_checks = _iterates(calls.list_checks)
    iterate_usages = _iterates(calls.list_usages)
    iterate_activity = _iterates(calls.list_activity)
    iterate_delegations = _iterates(calls.list_delegations)
    iterate_subscriptions = _iterates(calls.list_subscriptions)
    iterate_card_history = _iterates(calls.list_card_history)
    iterate_model_comments = _iterates(calls.list_model_comments)
    iterate_version_comments = _iterates(calls.list_version_comments)
    iterate_promotion_comments = _iterates(calls.list_promotion_comments)

    register = _follows(plans.register)
    report_with_attachments = _follows(plans.report_with_attachments)
    download_attachments = _follows(plans.download_attachments)
    download = _follows(plans.download)
    export_version = _follows(carrying.export_version)
    import_archive = _follows(carrying.import_archive)
    wait_for_events = _follows(plans.wait_for_events)
    events = _tells(following.events)
