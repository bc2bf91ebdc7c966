"""The doctor: what is wrong with a server and a namespace, why that matters, and what repairs it. Reads only."""

from projector.doctor.examination import broken_promises, examine, is_healthy
from projector.doctor.finding import Finding, Severity

__all__ = ["Finding", "Severity", "broken_promises", "examine", "is_healthy"]
