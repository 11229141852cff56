"""Bytes as an accident or a stranger may leave them, for Hypothesis."""

from hypothesis import strategies as st


@st.composite
def mutated(draw, content):
    """These bytes after one to four flips, cuts, insertions and duplicated ranges."""
    content = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        anywhere = st.integers(0, len(content))
        start = draw(st.integers(0, min(24, len(content))) | anywhere)  # headers come first
        end = min(len(content), start + draw(st.integers(1, 40)))
        match draw(st.sampled_from(["flip", "remove", "cut", "insert", "duplicate"])):
            case "flip" if start < len(content):
                content[start] ^= 1 << draw(st.integers(0, 7))
            case "remove":
                del content[start:end]
            case "cut":
                del content[start:]
            case "insert":
                content[start:start] = draw(st.binary(max_size=20))
            case "duplicate":
                content[end:end] = content[start:end]
    return bytes(content)
