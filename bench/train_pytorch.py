#!/usr/bin/env python3
"""How fast is a train step in PyTorch? The starter's configuration (models/starter/starter.toml)
in idiomatic PyTorch, against our own train_bench in turn, in one run.

    python3 -m venv build/torch && build/torch/bin/pip install torch numpy
    ./dev bench train_bench
    build/torch/bin/python bench/train_pytorch.py

PyTorch's CPU build is enough (its "get started" page has the command).
--compile adds torch.compile: minutes of compilation, then its fastest steps.

Both train on random tokens with the recipe's batch, sequence length, optimizer and learning rate,
matrix products in bf16, and both print the number of weights, which must be equal. PyTorch's side
is as fast as we could make it without leaving its public interface: the whole batch at once, the
fused attention, Muon over all matrices of one shape at once, experts' rows padded as ours are. What
differs:
  - Ours splits the batch over threads and works on 1024 tokens at a time; PyTorch splits each
    operation over threads.
  - PyTorch's fused attention wants values as wide as keys: they are padded from 32 to 48.
  - Muon's arithmetic is the same (bf16, five steps, Moonlight's scale); its sums run in another
    order, as all sums do.
"""
import argparse
import math
import pathlib
import re
import statistics
import subprocess
import sys
import time
import tomllib
from collections import defaultdict
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parent.parent


def rotate(x, cos, sin):
    """Turns adjacent pairs; x [..., S, rope], cos and sin [S, rope / 2]."""
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2).to(x.dtype)


class Attention(nn.Module):
    """Multi-head latent attention without query compression."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        self.qk = c.qk_nope_head_dim + c.qk_rope_head_dim
        heads = c.num_attention_heads
        self.q_proj = nn.Linear(c.hidden_size, heads * self.qk, bias=False)
        self.kv_a_proj = nn.Linear(c.hidden_size, c.kv_lora_rank + c.qk_rope_head_dim, bias=False)
        self.kv_a_norm = nn.RMSNorm(c.kv_lora_rank, eps=c.rms_norm_eps)
        self.kv_b_proj = nn.Linear(
            c.kv_lora_rank, heads * (c.qk_nope_head_dim + c.v_head_dim), bias=False)
        self.o_proj = nn.Linear(heads * c.v_head_dim, c.hidden_size, bias=False)

    def forward(self, x, cos, sin):
        c, heads = self.c, self.c.num_attention_heads
        q = self.q_proj(x).unflatten(-1, (heads, self.qk)).transpose(1, 2)
        q_nope, q_rope = q.split((c.qk_nope_head_dim, c.qk_rope_head_dim), -1)
        latent, k_rope = self.kv_a_proj(x).split((c.kv_lora_rank, c.qk_rope_head_dim), -1)
        kv = self.kv_b_proj(self.kv_a_norm(latent.float()))
        kv = kv.unflatten(-1, (heads, -1)).transpose(1, 2)
        k_nope, v = kv.split((c.qk_nope_head_dim, c.v_head_dim), -1)
        k_rope = rotate(k_rope.unsqueeze(1), cos, sin).expand(-1, heads, -1, -1)
        o = F.scaled_dot_product_attention(
            torch.cat((q_nope, rotate(q_rope, cos, sin)), -1), torch.cat((k_nope, k_rope), -1),
            F.pad(v, (0, self.qk - c.v_head_dim)), is_causal=True)
        return self.o_proj(o[..., :c.v_head_dim].transpose(1, 2).flatten(-2))


class Mlp(nn.Module):
    def __init__(self, hidden, inner):
        super().__init__()
        self.gate_up = nn.Linear(hidden, 2 * inner, bias=False)
        self.down = nn.Linear(inner, hidden, bias=False)

    def forward(self, x):
        gate, up = self.gate_up(x).chunk(2, -1)
        return self.down(F.silu(gate) * up)


class MoE(nn.Module):
    """Sigmoid routing with a bias that only chooses, experts grouped, one shared expert."""

    def __init__(self, c, rows_multiple):
        super().__init__()
        self.c = c
        self.rows_multiple = rows_multiple
        self.router = nn.Linear(c.hidden_size, c.n_routed_experts, bias=False)
        self.register_buffer("bias", torch.zeros(c.n_routed_experts))
        self.experts = nn.ModuleList(
            Mlp(c.hidden_size, c.moe_intermediate_size) for _ in range(c.n_routed_experts))
        self.shared = Mlp(c.hidden_size, c.n_shared_experts * c.moe_intermediate_size)
        self.register_buffer("load", torch.zeros(c.n_routed_experts, dtype=torch.int64))
        self.balance_loss = 0.0

    def forward(self, x):
        c, (rows, seq_len, _) = self.c, x.shape
        scores = self.router(x).float().sigmoid()
        chosen = (scores + self.bias).topk(c.num_experts_per_tok, sorted=False).indices
        weights = scores.gather(-1, chosen)
        weights = weights / weights.sum(-1, keepdim=True) * c.routed_scaling_factor
        self.balance_loss = self.sequence_balance_loss(scores, chosen)

        flat = x.flatten(0, 1)
        order = chosen.flatten().argsort(stable=True)
        count = chosen.flatten().bincount(minlength=c.n_routed_experts)
        self.load += count
        tokens = order // c.num_experts_per_tok
        groups = flat.index_select(0, tokens).split(count.tolist())
        outputs = torch.cat([self.run_padded(expert, group)
                             for expert, group in zip(self.experts, groups)])
        outputs = outputs * weights.flatten().index_select(0, order).unsqueeze(-1)
        routed = torch.zeros_like(flat).index_add_(0, tokens, outputs.to(flat.dtype))
        return self.shared(x) + routed.view(rows, seq_len, -1)

    def run_padded(self, expert, group):
        """oneDNN compiles a product for each number of rows: multiples keep them few."""
        return expert(F.pad(group, (0, 0, 0, -len(group) % self.rows_multiple)))[:len(group)]

    def sequence_balance_loss(self, scores, chosen):
        c, seq_len = self.c, scores.shape[1]
        share = torch.zeros(scores.shape[0], c.n_routed_experts)
        share.scatter_add_(1, chosen.flatten(1), torch.ones(chosen.flatten(1).shape))
        share *= c.n_routed_experts / (c.num_experts_per_tok * seq_len)
        mean = (scores / scores.sum(-1, keepdim=True)).mean(1)
        return (share * mean).sum()

    def update_bias(self, speed):
        """Against the load of the whole batch."""
        self.bias -= speed * torch.sign(self.load - self.load.float().mean())
        self.load.zero_()


class Block(nn.Module):
    def __init__(self, c, layer, rows_multiple):
        super().__init__()
        self.attention_norm = nn.RMSNorm(c.hidden_size, eps=c.rms_norm_eps)
        self.attention = Attention(c)
        self.ffn_norm = nn.RMSNorm(c.hidden_size, eps=c.rms_norm_eps)
        is_dense = layer < c.first_k_dense_replace
        self.ffn = Mlp(c.hidden_size, c.intermediate_size) if is_dense else MoE(c, rows_multiple)

    def forward(self, x, cos, sin):
        x = x + self.attention(self.attention_norm(x), cos, sin)
        return x + self.ffn(self.ffn_norm(x))


class Model(nn.Module):
    def __init__(self, c, deviation, rows_multiple):
        super().__init__()
        self.c = c
        self.embedding = nn.Embedding(c.vocab_size, c.hidden_size)
        self.blocks = nn.ModuleList(
            Block(c, layer, rows_multiple) for layer in range(c.num_hidden_layers))
        self.norm = nn.RMSNorm(c.hidden_size, eps=c.rms_norm_eps)
        self.head = nn.Linear(c.hidden_size, c.vocab_size, bias=False)
        self.moe_layers = [block.ffn for block in self.blocks if isinstance(block.ffn, MoE)]
        for name, weight in self.named_parameters():
            is_output = name.endswith(("o_proj.weight", "down.weight"))
            if weight.dim() > 1:
                nn.init.normal_(
                    weight,
                    std=deviation / (math.sqrt(2 * c.num_hidden_layers) if is_output else 1))
        pairs = torch.arange(0, c.qk_rope_head_dim, 2, dtype=torch.float64) / c.qk_rope_head_dim
        angles = torch.outer(
            torch.arange(c.max_position_embeddings, dtype=torch.float64), c.rope_theta**-pairs)
        self.register_buffer("cos", angles.cos().float())
        self.register_buffer("sin", angles.sin().float())

    def forward(self, tokens):
        x = self.embedding(tokens)
        cos, sin = self.cos[:tokens.shape[1]], self.sin[:tokens.shape[1]]
        for block in self.blocks:
            x = block(x, cos, sin)
        return self.head(self.norm(x))


class Muon(torch.optim.Optimizer):
    """Moonlight's Muon (arXiv 2502.16982). Matrices of one shape are orthogonalised as one batch;
    the gate and up halves of a fused matrix are matrices of their own."""

    def __init__(self, named_weights, lr, momentum, weight_decay):
        self.parts = [(weight, weight.chunk(2) if "gate_up" in name else (weight,))
                      for name, weight in named_weights]
        super().__init__([weight for weight, _ in self.parts],
                         dict(lr=lr, momentum=momentum, weight_decay=weight_decay))
        self.moments = {}

    @torch.no_grad()
    def step(self):
        group = self.param_groups[0]
        by_shape = defaultdict(lambda: ([], []))
        for weight, parts in self.parts:
            for part, gradient in zip(parts, weight.grad.chunk(len(parts))):
                by_shape[part.shape][0].append(part.detach())
                by_shape[part.shape][1].append(gradient)
        for shape, (weights, gradients) in by_shape.items():
            gradient = torch.stack(gradients)
            moment = self.moments.setdefault(shape, torch.zeros_like(gradient))
            moment.mul_(group["momentum"]).add_(gradient)
            update = self.orthogonalise(gradient.add_(moment, alpha=group["momentum"]))
            rate = group["lr"] * 0.2 * math.sqrt(max(shape))
            torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(weights, update.float().unbind(0), alpha=-rate)

    @staticmethod
    def orthogonalise(x):
        """Newton-Schulz, quintic, five steps; x [matrices, rows, columns]."""
        x = (x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)).bfloat16()
        is_tall = x.shape[-2] > x.shape[-1]
        x = x.mT if is_tall else x
        for _ in range(5):
            gram = x @ x.mT
            x = torch.baddbmm(
                x, torch.baddbmm(gram, gram, gram, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
        return x.mT if is_tall else x


def make_optimizers(model, recipe, rate):
    """As ours: Muon or AdamW for matrices, AdamW for the rest, no decay of embedding and norms."""
    o = recipe["optimizer"]
    matrices, decaying, others = [], [], []
    for name, weight in model.named_parameters():
        if weight.dim() < 2 or name == "embedding.weight":
            others.append(weight)
        elif o["kind"] == "muon" and not name.endswith(("head.weight", "router.weight")):
            matrices.append((name, weight))
        else:
            decaying.append(weight)
    optimizers = [torch.optim.AdamW(
        [{"params": decaying, "weight_decay": o["weight_decay"]},
         {"params": others, "weight_decay": 0.0}],
        lr=rate, betas=(o["beta1"], o["beta2"]), eps=1e-8, fused=True)]
    if matrices:
        optimizers.append(Muon(matrices, rate, o["momentum"], o["weight_decay"]))
    return optimizers


class Trainer:
    def __init__(self, recipe, options):
        self.stage = recipe["stage"][0]
        self.seq_len = self.stage["seq_len"]
        self.rows = self.stage["batch_tokens"] // self.seq_len
        self.rows_at_once = max(1, options.micro_batch // self.seq_len)
        config = SimpleNamespace(**recipe["model"])
        torch.manual_seed(1)
        self.model = Model(config, recipe["init_deviation"], options.rows_multiple)
        self.forward = torch.compile(self.model) if options.compile else self.model
        self.optimizers = make_optimizers(self.model, recipe, self.stage["learning_rate"])
        self.tokens = torch.randint(config.vocab_size, (self.rows, self.seq_len + 1))

    def step(self):
        """One optimizer step on the whole batch; returns the mean loss."""
        loss_sum = 0.0
        for rows in self.tokens.split(self.rows_at_once):
            share = len(rows) / self.rows
            with torch.autocast("cpu", torch.bfloat16):
                logits = self.forward(rows[:, :-1])
                loss = F.cross_entropy(logits.flatten(0, 1).float(), rows[:, 1:].flatten()) * share
            balance = sum(moe.balance_loss for moe in self.model.moe_layers)
            (loss + self.stage["balance_alpha"] * balance / self.rows).backward()
            loss_sum += loss.item()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.model.zero_grad(set_to_none=True)
        for moe in self.model.moe_layers:
            moe.update_bias(0.001)
        return loss_sum

    def measure(self, steps):
        """Tokens a second by wall clock and by CPU time, and the last loss."""
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(steps):
            loss = self.step()
        tokens = steps * self.rows * self.seq_len
        return tokens / (time.perf_counter() - wall), tokens / (time.process_time() - cpu), loss


def run_ours(options, optimizer):
    """One run of train_bench: its weights, both rates, and its first and last loss."""
    output = subprocess.run([options.ours, str(options.threads), optimizer],
                            check=True, capture_output=True, text=True).stdout
    weights = int(re.search(r"(\d+) weights", output)[1])
    wall = float(re.search(r"wall clock\s+(\d+) tokens/s", output)[1])
    cpu = float(re.search(r"CPU time\s+(\d+) tokens/s", output)[1])
    first, last = map(float, re.search(r"loss ([\d.]+) to ([\d.]+)", output).groups())
    return weights, wall, cpu, first, last


def report(rates, round_number, name, wall, cpu, first, last):
    rates[name].append((wall, cpu))
    print(f"{round_number + 1} {name:8} {wall:7.0f} tokens/s by wall clock, "
          f"{cpu:6.0f} a core by CPU time, loss {first:.4f} to {last:.4f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", default=ROOT / "build/bench/bench/train_bench")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--optimizer", choices=("muon", "adamw"), help="the recipe's if not given")
    parser.add_argument("--steps", type=int, default=5, help="steps of one round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--micro-batch", type=int, default=1 << 30, help="tokens at a time")
    parser.add_argument("--rows-multiple", type=int, default=32, help="padding of an expert's rows")
    parser.add_argument("--compile", action="store_true", help="torch.compile")
    parser.add_argument("--alone", action="store_true", help="do not run train_bench")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with open(ROOT / "models/starter/starter.toml", "rb") as file:
        recipe = tomllib.load(file)
    if options.optimizer:
        recipe["optimizer"]["kind"] = options.optimizer

    trainer = Trainer(recipe, options)
    weights = sum(weight.numel() for weight in trainer.model.parameters())
    print(f"PyTorch {torch.__version__}: {weights} weights, {options.threads} threads", flush=True)
    first = trainer.step()  # Also warms up, as train_bench does.
    rates = defaultdict(list)
    for round_number in range(options.rounds):
        if not options.alone:
            our_weights, *ours = run_ours(options, recipe["optimizer"]["kind"])
            if our_weights != weights:
                sys.exit(f"ours has {our_weights} weights, PyTorch's {weights}")
            report(rates, round_number, "ours", *ours)
        wall, cpu, last = trainer.measure(options.steps)
        report(rates, round_number, "PyTorch", wall, cpu, first, last)
    for name, values in rates.items():
        wall, cpu = (statistics.median(column) for column in zip(*values))
        print(f"{name:8} median {wall:7.0f} tokens/s by wall clock, {cpu:6.0f} a core by CPU time")
    if not options.alone:
        for kind, column in ("wall clock", 0), ("CPU time", 1):
            ratios = [ours[column] / theirs[column]
                      for ours, theirs in zip(rates["ours"], rates["PyTorch"])]
            print(f"ours over PyTorch by {kind}: median {statistics.median(ratios):.2f}, "
                  f"{min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
