"""The doctor: what is wrong with a server and a namespace, why that matters, and what mends it. Reads only."""

from __future__ import annotations

from projector.doctor.examination import examine, is_healthy
from projector.doctor.finding import Finding, Severity

__all__ = ["Finding", "Severity", "examine", "is_healthy"]
