"""Does the policy let this version through? Facts in, decision out, with reasons."""

from __future__ import annotations

from registry_service.domain.decisions import Decision, Outcome, Reason, ReasonCode

__all__ = ["Decision", "Outcome", "Reason", "ReasonCode"]
