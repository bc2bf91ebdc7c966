"""What every command and class says that lacks the package of an extra."""


def lack_of(package: str, extra: str) -> str:
    return f"needs the package {package}: install it with: pip install 'execution-wal[{extra}]'"
