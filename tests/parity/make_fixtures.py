#!/usr/bin/env python3
"""Makes the parity fixtures of tests/data/parity: small models with random weights
and the logits that exact arithmetic gives for them.

    make_fixtures.py OUT_DIR          (needs numpy; the same seed gives the same files)

A fixture is a folder in the layout of Hugging Face (config.json,
model.safetensors) plus
    tokens.json   the token ids of one sequence
    logits.f32    its logits, [tokens, vocab], little-endian
    mtp.f32       logits of the multi-token prediction module, [tokens - 1, vocab]
Everything is computed in f64 from the stored (rounded) weights, by the plainest
reading of the reports (V2: arXiv 2405.04434, V3: arXiv 2412.19437): keys and values
of every head spelled out, no cache, one expert after the other.
"""
import json
import math
import pathlib
import struct
import sys

import numpy as np

SEQUENCE = 48  # Longer than the YaRN fixtures' original context and one cache block.

COMMON = dict(hidden_act="silu", attention_bias=False, tie_word_embeddings=False,
              moe_layer_freq=1, rms_norm_eps=1e-6, rope_theta=10000.0, vocab_size=160,
              max_position_embeddings=4096, bos_token_id=0, eos_token_id=1)


def yarn(factor, mscale, mscale_all_dim):
    return dict(type="yarn", factor=factor, original_max_position_embeddings=16, beta_fast=32,
                beta_slow=1, mscale=mscale, mscale_all_dim=mscale_all_dim)


FIXTURES = {
    # All of V3: compressed queries, groups, router bias, YaRN, MTP.
    "v3": ("F32", dict(
        COMMON, model_type="deepseek_v3", hidden_size=48, intermediate_size=80,
        moe_intermediate_size=24, num_hidden_layers=3, first_k_dense_replace=1,
        num_attention_heads=4, q_lora_rank=28, kv_lora_rank=32, qk_nope_head_dim=16,
        qk_rope_head_dim=8, v_head_dim=16, n_routed_experts=8, n_shared_experts=1,
        num_experts_per_tok=3, n_group=4, topk_group=2, scoring_func="sigmoid",
        topk_method="noaux_tc", norm_topk_prob=True, routed_scaling_factor=2.5,
        num_nextn_predict_layers=1, rope_scaling=yarn(40, 1.0, 1.0))),
    # V3's rules with nothing a multiple of 16, and no YaRN.
    "v3-odd": ("BF16", dict(
        COMMON, model_type="deepseek_v3", hidden_size=60, intermediate_size=100,
        moe_intermediate_size=28, num_hidden_layers=2, first_k_dense_replace=0,
        num_attention_heads=3, q_lora_rank=None, kv_lora_rank=40, qk_nope_head_dim=24,
        qk_rope_head_dim=6, v_head_dim=20, n_routed_experts=7, n_shared_experts=2,
        num_experts_per_tok=2, n_group=1, topk_group=1, scoring_func="sigmoid",
        topk_method="noaux_tc", norm_topk_prob=True, routed_scaling_factor=1.0,
        rms_norm_eps=1e-5, rope_theta=50000.0, rope_scaling=None)),
    # V2-Lite's rules: softmax scores, plain top-k, weights not renormalised.
    "v2-lite": ("F32", dict(
        COMMON, model_type="deepseek_v2", hidden_size=48, intermediate_size=80,
        moe_intermediate_size=24, num_hidden_layers=3, first_k_dense_replace=1,
        num_attention_heads=4, q_lora_rank=None, kv_lora_rank=32, qk_nope_head_dim=16,
        qk_rope_head_dim=8, v_head_dim=16, n_routed_experts=8, n_shared_experts=2,
        num_experts_per_tok=3, n_group=1, topk_group=1, scoring_func="softmax",
        topk_method="greedy", norm_topk_prob=False, routed_scaling_factor=1.0,
        rope_scaling=yarn(40, 0.707, 0.707))),
    # V2's: groups ranked by their best expert; one matrix for embedding and head; an
    # amplitude other than 1 from unequal mscales.
    "v2": ("BF16", dict(
        COMMON, model_type="deepseek_v2", hidden_size=56, intermediate_size=72,
        moe_intermediate_size=20, num_hidden_layers=2, first_k_dense_replace=1,
        num_attention_heads=5, q_lora_rank=36, kv_lora_rank=48, qk_nope_head_dim=12,
        qk_rope_head_dim=10, v_head_dim=14, n_routed_experts=12, n_shared_experts=2,
        num_experts_per_tok=3, n_group=4, topk_group=2, scoring_func="softmax",
        topk_method="group_limited_greedy", norm_topk_prob=False, routed_scaling_factor=16.0,
        tie_word_embeddings=True, rope_scaling=yarn(40, 1.0, 0.707))),
    # FP8 weights in 128 x 128 blocks, some of them cut off at the edges.
    "v3-fp8": ("F8_E4M3", dict(
        COMMON, model_type="deepseek_v3", hidden_size=144, intermediate_size=160,
        moe_intermediate_size=136, num_hidden_layers=2, first_k_dense_replace=1,
        num_attention_heads=2, q_lora_rank=None, kv_lora_rank=136, qk_nope_head_dim=72,
        qk_rope_head_dim=16, v_head_dim=56, n_routed_experts=4, n_shared_experts=1,
        num_experts_per_tok=2, n_group=2, topk_group=1, scoring_func="sigmoid",
        topk_method="noaux_tc", norm_topk_prob=True, routed_scaling_factor=1.5,
        rope_scaling=None, vocab_size=96,
        quantization_config=dict(quant_method="fp8", fmt="e4m3", activation_scheme="dynamic",
                                 weight_block_size=[128, 128]))),
    # No experts at all.
    "dense": ("F32", dict(
        COMMON, model_type="deepseek_v3", hidden_size=32, intermediate_size=64,
        num_hidden_layers=2, num_attention_heads=2, q_lora_rank=None, kv_lora_rank=24,
        qk_nope_head_dim=16, qk_rope_head_dim=4, v_head_dim=12, n_routed_experts=None,
        rope_scaling=None)),
}


# -- storage types: value rounded to the type, and its bytes ------------------------------

def round_bf16(values):
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return bits.astype(np.uint16)


def e4m3_values():
    """The 127 finite non-negative values, in the order of their codes."""
    table = []
    for code in range(127):
        exponent, fraction = code >> 3, code & 7
        table.append(fraction / 8 * 2.0**-6 if exponent == 0
                     else (1 + fraction / 8) * 2.0 ** (exponent - 7))
    return np.array(table)


def to_fp8(matrix):
    """Codes [out, in] and one f32 scale for each 128 x 128 block."""
    rows, cols = matrix.shape
    table = e4m3_values()
    codes = np.zeros((rows, cols), np.uint8)
    scales = np.zeros((-(-rows // 128), -(-cols // 128)), np.float32)
    exact = np.zeros((rows, cols))
    for i in range(0, rows, 128):
        for j in range(0, cols, 128):
            block = matrix[i:i + 128, j:j + 128]
            scale = np.float32(np.abs(block).max() / 448)
            scales[i // 128, j // 128] = scale
            scaled = block / float(scale)
            nearest = np.abs(np.abs(scaled)[..., None] - table).argmin(-1)
            codes[i:i + 128, j:j + 128] = nearest + np.where(scaled < 0, 128, 0)
            exact[i:i + 128, j:j + 128] = np.copysign(table[nearest], scaled) * float(scale)
    return codes, scales, exact


class Store:
    """Collects tensors as they will be stored; `exact` holds what the stored bits mean."""

    def __init__(self, dtype, seed):
        self.dtype, self.random = dtype, np.random.default_rng(seed)
        self.parts, self.exact = [], {}

    def put(self, name, values, dtype):
        if dtype == "BF16":
            raw = round_bf16(values)
            self.exact[name] = (raw.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
        elif dtype == "F8_E4M3":
            raw, scales, self.exact[name] = to_fp8(values)
            self.parts.append((name + "_scale_inv", "F32", scales.shape, scales.tobytes()))
        else:
            raw = values.astype(np.float32)
            self.exact[name] = raw.astype(np.float64)
        self.parts.append((name, dtype, values.shape, raw.tobytes()))

    def matrix(self, name, rows, cols, spread=1.0, dtype=None):
        values = self.random.standard_normal((rows, cols)) * spread / math.sqrt(cols)
        self.put(name, values, dtype or self.dtype)

    def norm(self, name, size):
        plain = "F32" if self.dtype == "F32" else "BF16"
        self.put(name, 1 + 0.1 * self.random.standard_normal(size), plain)

    def write(self, path):
        # Wide elements first, so that every tensor is aligned.
        self.parts.sort(key=lambda part: {"F32": 0, "BF16": 1, "F8_E4M3": 2}[part[1]])
        header, at = {}, 0
        for name, dtype, shape, raw in self.parts:
            header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(raw)]}
            at += len(raw)
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(p[3] for p in self.parts))


# -- random weights -----------------------------------------------------------------------

def fill_block(store, c, layer):
    d, heads = c["hidden_size"], c["num_attention_heads"]
    nope, rope, v, rank = (c["qk_nope_head_dim"], c["qk_rope_head_dim"], c["v_head_dim"],
                           c["kv_lora_rank"])
    block = f"model.layers.{layer}."
    attention = block + "self_attn."
    store.norm(block + "input_layernorm.weight", d)
    if c["q_lora_rank"]:
        store.matrix(attention + "q_a_proj.weight", c["q_lora_rank"], d)
        store.norm(attention + "q_a_layernorm.weight", c["q_lora_rank"])
        store.matrix(attention + "q_b_proj.weight", heads * (nope + rope), c["q_lora_rank"])
    else:
        store.matrix(attention + "q_proj.weight", heads * (nope + rope), d)
    store.matrix(attention + "kv_a_proj_with_mqa.weight", rank + rope, d)
    store.norm(attention + "kv_a_layernorm.weight", rank)
    store.matrix(attention + "kv_b_proj.weight", heads * (nope + v), rank)
    store.matrix(attention + "o_proj.weight", d, heads * v)
    store.norm(block + "post_attention_layernorm.weight", d)

    def unit(prefix, inner):
        store.matrix(prefix + "gate_proj.weight", inner, d)
        store.matrix(prefix + "up_proj.weight", inner, d)
        store.matrix(prefix + "down_proj.weight", d, inner)

    experts = c["n_routed_experts"]
    if not experts or layer < c["first_k_dense_replace"]:
        unit(block + "mlp.", c["intermediate_size"])
        return
    plain = "F32" if store.dtype == "F32" else "BF16"
    store.matrix(block + "mlp.gate.weight", experts, d, spread=1.5, dtype=plain)
    if c["topk_method"] == "noaux_tc":
        # Around zero with some below -1: a biased score may be negative.
        bias = 0.7 * store.random.standard_normal(experts) - 0.5
        store.put(block + "mlp.gate.e_score_correction_bias", bias, "F32")
    for e in range(experts):
        unit(f"{block}mlp.experts.{e}.", c["moe_intermediate_size"])
    unit(block + "mlp.shared_experts.", c["n_shared_experts"] * c["moe_intermediate_size"])


def fill_model(store, c):
    d, vocab, layers = c["hidden_size"], c["vocab_size"], c["num_hidden_layers"]
    plain = "F32" if store.dtype == "F32" else "BF16"
    store.matrix("model.embed_tokens.weight", vocab, d, spread=math.sqrt(d), dtype=plain)
    for layer in range(layers):
        fill_block(store, c, layer)
    store.norm("model.norm.weight", d)
    if not c["tie_word_embeddings"]:
        store.matrix("lm_head.weight", vocab, d, dtype=plain)
    if c.get("num_nextn_predict_layers"):
        fill_block(store, c, layers)
        block = f"model.layers.{layers}."
        store.norm(block + "enorm.weight", d)
        store.norm(block + "hnorm.weight", d)
        store.matrix(block + "eh_proj.weight", d, 2 * d)
        store.norm(block + "shared_head.norm.weight", d)
        # Its own values, not copies: a loader that takes the main model's would be seen.
        store.matrix(block + "embed_tokens.weight", vocab, d, spread=math.sqrt(d))
        store.matrix(block + "shared_head.head.weight", vocab, d)


# -- exact forward pass -------------------------------------------------------------------

class Exact:
    def __init__(self, config, weights):
        self.c, self.w = config, weights

    def norm(self, x, name):
        scale = np.sqrt((x**2).mean(-1, keepdims=True) + self.c["rms_norm_eps"])
        return self.w[name] * x / scale

    def linear(self, x, name):
        return x @ self.w[name].T

    def rope(self):
        """Frequencies of the pairs, factor of cos and sin, factor of the attention's scale."""
        c, half = self.c, self.c["qk_rope_head_dim"] // 2
        theta = np.array([c["rope_theta"] ** (-i / half) for i in range(half)])
        s = c["rope_scaling"]
        if s is None:
            return theta, 1.0, 1.0
        span = s["original_max_position_embeddings"]

        def pair_with_turns(turns):  # theta_i * span = 2 pi turns, solved for i
            return half * math.log(span / (2 * math.pi * turns)) / math.log(c["rope_theta"])

        first = max(math.floor(pair_with_turns(s["beta_fast"])), 0)
        last = min(math.ceil(pair_with_turns(s["beta_slow"])), c["qk_rope_head_dim"] - 1)
        for i in range(half):
            share = min(max((i - first) / max(last - first, 0.001), 0.0), 1.0)
            theta[i] = (1 - share) * theta[i] + share * theta[i] / s["factor"]
        growth = {m: 0.1 * s[m] * math.log(s["factor"]) + 1 for m in ("mscale", "mscale_all_dim")}
        return theta, growth["mscale"] / growth["mscale_all_dim"], growth["mscale_all_dim"]**2

    def turn(self, x, theta, amplitude):
        """x [tokens, ..., rope]: pairs of neighbours as complex numbers, turned by position."""
        pairs = x[..., 0::2] + 1j * x[..., 1::2]
        angle = np.arange(len(x)).reshape((-1,) + (1,) * (x.ndim - 1)) * theta
        pairs = pairs * amplitude * np.exp(1j * angle)
        return np.stack([pairs.real, pairs.imag], -1).reshape(x.shape)

    def attention(self, x, prefix):
        c, tokens = self.c, len(x)
        heads, nope = c["num_attention_heads"], c["qk_nope_head_dim"]
        theta, amplitude, sharpen = self.rope()
        if c["q_lora_rank"]:
            low = self.norm(self.linear(x, prefix + "q_a_proj.weight"),
                            prefix + "q_a_layernorm.weight")
            query = self.linear(low, prefix + "q_b_proj.weight")
        else:
            query = self.linear(x, prefix + "q_proj.weight")
        query = query.reshape(tokens, heads, -1)
        compressed = self.linear(x, prefix + "kv_a_proj_with_mqa.weight")
        latent = self.norm(compressed[:, :c["kv_lora_rank"]], prefix + "kv_a_layernorm.weight")
        shared_key = self.turn(compressed[:, c["kv_lora_rank"]:], theta, amplitude)
        heads_kv = self.linear(latent, prefix + "kv_b_proj.weight").reshape(tokens, heads, -1)
        out = np.zeros((tokens, heads, c["v_head_dim"]))
        scale = sharpen / math.sqrt(nope + c["qk_rope_head_dim"])
        query_rope = self.turn(query[:, :, nope:], theta, amplitude)
        for h in range(heads):
            key = np.concatenate([heads_kv[:, h, :nope], shared_key], -1)
            wanted = np.concatenate([query[:, h, :nope], query_rope[:, h]], -1)
            for t in range(tokens):
                score = key[:t + 1] @ wanted[t] * scale
                share = np.exp(score - score.max())
                out[t, h] = share @ heads_kv[:t + 1, h, nope:] / share.sum()
        return self.linear(out.reshape(tokens, -1), prefix + "o_proj.weight")

    def unit(self, x, prefix):
        gate = self.linear(x, prefix + "gate_proj.weight")
        gated = gate / (1 + np.exp(-gate)) * self.linear(x, prefix + "up_proj.weight")
        return self.linear(gated, prefix + "down_proj.weight")

    def choose(self, x, prefix):
        """One token's experts: (index, weight) pairs."""
        c = self.c
        logit = self.w[prefix + "gate.weight"] @ x
        if c["scoring_func"] == "sigmoid":
            score = 1 / (1 + np.exp(-logit))
        else:
            score = np.exp(logit - logit.max()) / np.exp(logit - logit.max()).sum()
        rank = score.copy()
        if c["topk_method"] == "noaux_tc":
            rank += self.w[prefix + "gate.e_score_correction_bias"]
        allowed = list(range(c["n_routed_experts"]))
        if c["topk_method"] != "greedy":
            size = c["n_routed_experts"] // c["n_group"]
            best = 2 if c["topk_method"] == "noaux_tc" else 1
            value = [sum(sorted(rank[g * size:(g + 1) * size])[-best:])
                     for g in range(c["n_group"])]
            groups = sorted(range(c["n_group"]), key=lambda g: -value[g])[:c["topk_group"]]
            allowed = [e for e in allowed if e // size in groups]
        chosen = sorted(allowed, key=lambda e: -rank[e])[:c["num_experts_per_tok"]]
        total = sum(score[e] for e in chosen) if c["norm_topk_prob"] else 1.0
        return [(e, score[e] / total * c["routed_scaling_factor"]) for e in chosen]

    def block(self, x, layer):
        c, prefix = self.c, f"model.layers.{layer}."
        x = x + self.attention(self.norm(x, prefix + "input_layernorm.weight"),
                               prefix + "self_attn.")
        normed = self.norm(x, prefix + "post_attention_layernorm.weight")
        mlp = prefix + "mlp."
        if not c["n_routed_experts"] or layer < c["first_k_dense_replace"]:
            return x + self.unit(normed, mlp)
        out = x + self.unit(normed, mlp + "shared_experts.")
        for t, row in enumerate(normed):
            for expert, weight in self.choose(row, mlp):
                out[t] += weight * self.unit(row, f"{mlp}experts.{expert}.")
        return out

    def states(self, tokens):
        x = self.w["model.embed_tokens.weight"][tokens]
        for layer in range(self.c["num_hidden_layers"]):
            x = self.block(x, layer)
        return self.norm(x, "model.norm.weight")

    def logits(self, tokens):
        tied = self.c["tie_word_embeddings"]
        return self.linear(self.states(tokens),
                           "model.embed_tokens.weight" if tied else "lm_head.weight")

    def mtp_logits(self, tokens):
        """Row i, from the state at i and token i + 1, is about token i + 2."""
        layer = self.c["num_hidden_layers"]
        prefix = f"model.layers.{layer}."
        following = self.w[prefix + "embed_tokens.weight"][tokens[1:]]
        joined = np.concatenate([self.norm(following, prefix + "enorm.weight"),
                                 self.norm(self.states(tokens)[:-1], prefix + "hnorm.weight")], -1)
        x = self.block(self.linear(joined, prefix + "eh_proj.weight"), layer)
        return self.linear(self.norm(x, prefix + "shared_head.norm.weight"),
                           prefix + "shared_head.head.weight")


def main():
    out = pathlib.Path(sys.argv[1])
    for seed, (name, (dtype, config)) in enumerate(FIXTURES.items(), start=20):
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        store = Store(dtype, seed)
        fill_model(store, config)
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        store.write(folder / "model.safetensors")
        tokens = [int(t) for t in store.random.integers(0, config["vocab_size"], SEQUENCE)]
        (folder / "tokens.json").write_text(json.dumps(tokens) + "\n")
        exact = Exact(config, store.exact)
        (folder / "logits.f32").write_bytes(exact.logits(tokens).astype("<f4").tobytes())
        if config.get("num_nextn_predict_layers"):
            (folder / "mtp.f32").write_bytes(exact.mtp_logits(tokens).astype("<f4").tobytes())
        print(name, sum(f.stat().st_size for f in folder.iterdir()), "bytes")


if __name__ == "__main__":
    main()
