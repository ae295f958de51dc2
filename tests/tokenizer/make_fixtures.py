#!/usr/bin/env python3
"""Makes tests/data/tokenizer/unicode_16.hashes: what Hugging Face's tokenizers makes of every
assigned code point, and of random texts.

    make_fixtures.py REPOSITORY          (needs tokenizers 0.23.3 and unicodedata2 16.0.0)

The vocabulary is deepseek-llm.vocab; each PATTERNS entry stands in for its pre-tokenizer. A line is
a name and one hash per pattern: `0041xx` for a block of 256 code points, each in all CONTEXTS, and
`random_07` for a hundred random texts. unicode_test.cc makes the same texts and the same hashes.
"""
import pathlib
import sys

import unicodedata2
from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers

CONTEXTS = ["a%s b", "a %s b", "1%s", "%s", " %s", "%s%s"]
CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
KIMI_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
KIMI_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
PATTERNS = {
    "deepseek-v3": [
        r"\p{N}{1,3}",
        "[一-龥\u3040-ゟ゠-ヿ]+",
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
        r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""",
    ],
    "kimi-k2": [
        r"[\p{Han}]+"
        rf"|[^\r\n\p{{L}}\p{{N}}]?{KIMI_UPPER}*{KIMI_LOWER}+{CONTRACTIONS}?"
        rf"|[^\r\n\p{{L}}\p{{N}}]?{KIMI_UPPER}+{KIMI_LOWER}*{CONTRACTIONS}?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ],
}
ASSIGNED = [c for c in range(0x110000) if unicodedata2.category(chr(c)) not in ("Cn", "Cs")]
USER_DEFINED = "4"  # GGUF's token type.
RANDOM_TEXTS = 10_000
RANDOM_GROUP = 100


def read_vocabulary(path):
    """Token texts by id, those that text gives as a whole, and merges; the format is told in the
    folder's README."""
    with open(path, encoding="utf-8", newline="\n") as file:
        token_count, merge_count, _, _ = map(int, file.readline().split())
        lines = [file.readline().rstrip("\n").split(" ", 1) for _ in range(token_count)]
        tokens = [text for _, text in lines]
        added = [text for kind, text in lines if kind == USER_DEFINED]
        merges = []
        for _ in range(merge_count):
            token, left_bytes = map(int, file.readline().split())
            text = tokens[token].encode()
            merges.append((text[:left_bytes].decode(), text[left_bytes:].decode()))
    return tokens, added, merges


def make_tokenizer(tokens, added, merges, patterns):
    tokenizer = Tokenizer(models.BPE({text: i for i, text in enumerate(tokens)}, merges))
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in added])
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, byte_level])
    return tokenizer


def hash_of(tokenizer, texts):
    """FNV-1a over whole ids, each text closed by its number of them."""
    value = 0x811C9DC5
    for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False):
        for number in [*encoding.ids, len(encoding.ids)]:
            value = (value ^ number) * 0x01000193 & 0xFFFFFFFF
    return value


def block_texts():
    blocks = {}
    for code_point in ASSIGNED:
        texts = [context.replace("%s", chr(code_point)) for context in CONTEXTS]
        blocks.setdefault(f"{code_point >> 8:04x}xx", []).extend(texts)
    return blocks


def random_texts():
    """Half of the characters are ASCII, half any assigned one outside the private planes."""
    state = 16

    def draw(count):
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 33) % count

    public = [c for c in ASSIGNED if c < 0xF0000]
    groups = {}
    for i in range(RANDOM_TEXTS):
        text = ""
        for _ in range(1 + draw(40)):
            text += chr(draw(128) if draw(2) == 0 else public[draw(len(public))])
        groups.setdefault(f"random_{i // RANDOM_GROUP:02}", []).append(text)
    return groups


def main():
    assert unicodedata2.unidata_version == "16.0.0"
    folder = pathlib.Path(sys.argv[1]) / "tests/data/tokenizer"
    vocabulary = read_vocabulary(folder / "deepseek-llm.vocab")
    tokenizers = [make_tokenizer(*vocabulary, patterns) for patterns in PATTERNS.values()]
    with open(folder / "unicode_16.hashes", "w", encoding="ascii") as out:
        for name, texts in {**block_texts(), **random_texts()}.items():
            print(name, *(f"{hash_of(tokenizer, texts):08x}" for tokenizer in tokenizers), file=out)


if __name__ == "__main__":
    main()
