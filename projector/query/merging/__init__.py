"""The inquiries: what is asked of each namespace, and how the answers add up. There is no more to it about one."""
