"""What the commands do that operate on several namespaces, and on the partitions of one."""
