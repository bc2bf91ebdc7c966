"""A producer's own metrics, for prometheus-client's registry.

    from prometheus_client import REGISTRY
    from producer.metrics import ProducerCollector

    REGISTRY.register(ProducerCollector(producer))

Needs: pip install 'execution-wal[metrics]'
"""

from producer.metrics.collector import ProducerCollector

__all__ = ["ProducerCollector"]
