#include "trainer/reference/reference_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/reference/train_reference.h"
#include "model/rope.h"

namespace holdfast::trainer::reference {
namespace {

namespace twin = kernels::reference;
using Matrix = std::vector<double>;  // Row after row; the widths are the reader's.

// One row of the batch at a time. S positions, D hidden, H heads.
class RowPass {
 public:
  RowPass(const ParameterLayout& layout, std::span<const double> weights,
          std::span<const float> router_bias, std::span<const std::int32_t> first_key,
          const StepOptions& options)
      : c_(layout.config()),
        rope_(model::MakeRopeTable(c_)),
        w_(weights.data()),
        router_bias_(router_bias),
        first_key_(first_key),
        s_(static_cast<std::int64_t>(first_key.size())),
        options_(options) {}

  double balance_loss() const { return balance_loss_; }

  Matrix Norm(const Matrix& x, std::int64_t width, std::int64_t offset) const {
    Matrix y(x.size());
    for (std::size_t at = 0; at < x.size(); at += static_cast<std::size_t>(width)) {
      twin::RmsNorm(x.data() + at, w_ + offset, width, c_.rms_norm_eps, y.data() + at);
    }
    return y;
  }

  Matrix Project(const Matrix& x, std::int64_t in, std::int64_t out, std::int64_t offset) const {
    const std::int64_t rows = static_cast<std::int64_t>(x.size()) / in;
    Matrix y(static_cast<std::size_t>(rows * out));
    twin::Project(x.data(), w_ + offset, rows, out, in, y.data());
    return y;
  }

  void Block(const BlockOffsets& block, Matrix& x) {
    Attention(block, x);
    const Matrix in = Norm(x, c_.hidden_size, block.ffn_norm);
    for (std::int64_t t = 0; t < s_; ++t) {
      Mlp(in.data() + t * c_.hidden_size, block.mlp, 1.0, x.data() + t * c_.hidden_size);
    }
    if (block.is_moe) Experts(block, in, x);
  }

 private:
  void Attention(const BlockOffsets& block, Matrix& x) {
    const std::int64_t heads = c_.num_attention_heads, qk = c_.QkHeadDim(), v = c_.v_head_dim;
    const std::int64_t nope = c_.qk_nope_head_dim, rope = c_.qk_rope_head_dim;
    const std::int64_t q_columns = c_.q_lora_rank > 0 ? c_.q_lora_rank : heads * qk;
    const Matrix in = Norm(x, c_.hidden_size, block.attention_norm);
    Matrix q = Project(in, c_.hidden_size, q_columns, block.in_proj);
    if (c_.q_lora_rank > 0) {
      q = Project(Norm(q, c_.q_lora_rank, block.q_norm), c_.q_lora_rank, heads * qk, block.q_b);
    }
    const Matrix joined =
        Project(in, c_.hidden_size, c_.LatentWidth(), block.in_proj + q_columns * c_.hidden_size);
    Matrix latent, key_rope(static_cast<std::size_t>(s_ * rope));
    for (std::int64_t t = 0; t < s_; ++t) {
      const double* row = joined.data() + t * c_.LatentWidth();
      latent.insert(latent.end(), row, row + c_.kv_lora_rank);
      twin::Rope(row + c_.kv_lora_rank, rope_, t, key_rope.data() + t * rope);
      for (std::int64_t head = 0; head < heads; ++head) {
        double* part = q.data() + (t * heads + head) * qk + nope;
        const std::vector<double> straight(part, part + rope);
        twin::Rope(straight.data(), rope_, t, part);
      }
    }
    const Matrix kv = Project(Norm(latent, c_.kv_lora_rank, block.kv_norm), c_.kv_lora_rank,
                              heads * (nope + v), block.kv_b);
    Matrix out(static_cast<std::size_t>(s_ * heads * v), 0.0);
    for (std::int64_t head = 0; head < heads; ++head) Head(head, q, kv, key_rope, out);
    const Matrix y = Project(out, heads * v, c_.hidden_size, block.o_proj);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  }

  void Head(std::int64_t head, const Matrix& q, const Matrix& kv, const Matrix& key_rope,
            Matrix& out) const {
    const std::int64_t heads = c_.num_attention_heads, qk = c_.QkHeadDim(), v = c_.v_head_dim;
    const std::int64_t nope = c_.qk_nope_head_dim, rope = c_.qk_rope_head_dim;
    Matrix scores(static_cast<std::size_t>(s_)), p(static_cast<std::size_t>(s_));
    for (std::int64_t t = 0; t < s_; ++t) {
      const double* query = q.data() + (t * heads + head) * qk;
      for (std::int64_t key = 0; key <= t; ++key) {
        const double* k = kv.data() + (key * heads + head) * (nope + v);
        double sum = 0;
        for (std::int64_t i = 0; i < nope; ++i) sum += query[i] * k[i];
        for (std::int64_t i = 0; i < rope; ++i) sum += query[nope + i] * key_rope[key * rope + i];
        scores[key] = sum;
      }
      twin::AttentionSoftmax(scores.data(), first_key_[t], t, s_, model::AttentionScale(c_),
                             p.data());
      for (std::int64_t key = first_key_[t]; key <= t; ++key) {
        const double* value = kv.data() + (key * heads + head) * (nope + v) + nope;
        for (std::int64_t i = 0; i < v; ++i) {
          out[(t * heads + head) * v + i] += p[key] * value[i];
        }
      }
    }
  }

  // y += scale * mlp(x), one token.
  void Mlp(const double* x, const MlpOffsets& mlp, double scale, double* y) const {
    const std::int64_t d = c_.hidden_size, inner = mlp.inner;
    Matrix gate(static_cast<std::size_t>(inner)), up(gate), act(gate);
    twin::Project(x, w_ + mlp.gate_up, 1, inner, d, gate.data());
    twin::Project(x, w_ + mlp.gate_up + inner * d, 1, inner, d, up.data());
    twin::SwiGlu(gate.data(), up.data(), inner, 1.0, act.data());
    Matrix out(static_cast<std::size_t>(d));
    twin::Project(act.data(), w_ + mlp.down, 1, d, inner, out.data());
    for (std::int64_t i = 0; i < d; ++i) y[i] += scale * out[i];
  }

  void Experts(const BlockOffsets& block, const Matrix& in, Matrix& x) {
    const std::int64_t experts = c_.n_routed_experts, d = c_.hidden_size;
    Matrix share(static_cast<std::size_t>(experts), 0.0), mean(share);
    for (std::int64_t t = 0; t < s_; ++t) {
      const Matrix scores = Scores(block, in.data() + t * d);
      const std::vector<std::int64_t> chosen = Choose(block, scores);
      double chosen_sum = 0, sum = 0;
      for (const std::int64_t e : chosen) chosen_sum += scores[e];
      for (const double score : scores) sum += score;
      for (std::int64_t e = 0; e < experts; ++e) mean[e] += scores[e] / sum;
      for (const std::int64_t e : chosen) {
        share[e] += 1;
        const double weight =
            c_.routed_scaling_factor * scores[e] / (c_.norm_topk_prob ? chosen_sum : 1.0);
        Mlp(in.data() + t * d, block.experts[e], weight, x.data() + t * d);
      }
    }
    for (std::int64_t e = 0; e < experts; ++e) {
      const double f = share[e] * static_cast<double>(experts) /
                       static_cast<double>(c_.num_experts_per_tok * s_);
      balance_loss_ += options_.balance_alpha * f * mean[e] / static_cast<double>(s_);
    }
  }

  Matrix Scores(const BlockOffsets& block, const double* in) const {
    Matrix scores(static_cast<std::size_t>(c_.n_routed_experts));
    twin::Project(in, w_ + block.router, 1, c_.n_routed_experts, c_.hidden_size, scores.data());
    if (c_.scoring_func == model::ScoringFunc::kSigmoid) {
      for (double& score : scores) score = 1 / (1 + std::exp(-score));
      return scores;
    }
    double sum = 0;
    for (double& score : scores) sum += score = std::exp(score);
    for (double& score : scores) score /= sum;
    return scores;
  }

  std::vector<std::int64_t> Choose(const BlockOffsets& block, const Matrix& scores) const {
    constexpr double kHidden = -std::numeric_limits<double>::infinity();
    const std::int64_t experts = c_.n_routed_experts, width = experts / c_.n_group;
    Matrix choice = scores;
    if (c_.topk_method == model::TopkMethod::kNoauxTc) {
      for (std::int64_t e = 0; e < experts; ++e) {
        choice[e] += router_bias_[static_cast<std::size_t>(block.moe_index * experts + e)];
      }
    }
    if (c_.n_group > 1 && c_.topk_method != model::TopkMethod::kGreedy) {
      std::vector<std::pair<double, std::int64_t>> ranks;
      for (std::int64_t g = 0; g < c_.n_group; ++g) {
        Matrix members(choice.begin() + g * width, choice.begin() + (g + 1) * width);
        std::ranges::sort(members, std::greater());
        const bool by_two = c_.topk_method == model::TopkMethod::kNoauxTc && width > 1;
        ranks.emplace_back(-(by_two ? members[0] + members[1] : members[0]), g);
      }
      std::ranges::sort(ranks);
      for (std::size_t i = static_cast<std::size_t>(c_.topk_group); i < ranks.size(); ++i) {
        std::fill_n(choice.begin() + ranks[i].second * width, width, kHidden);
      }
    }
    std::vector<std::int64_t> chosen;
    for (std::int64_t k = 0; k < c_.num_experts_per_tok; ++k) {
      const auto best = std::ranges::max_element(choice);
      chosen.push_back(best - choice.begin());
      *best = kHidden;
    }
    return chosen;
  }

  const model::ModelConfig& c_;
  const kernels::RopeTable rope_;
  const double* w_;
  std::span<const float> router_bias_;
  std::span<const std::int32_t> first_key_;
  std::int64_t s_;
  const StepOptions& options_;
  double balance_loss_ = 0;
};

Matrix Embeddings(const ParameterLayout& layout, const double* weights, const std::int32_t* tokens,
                  std::int64_t count) {
  const std::int64_t d = layout.config().hidden_size;
  Matrix x;
  for (std::int64_t t = 0; t < count; ++t) {
    const double* row = weights + layout.embedding() + tokens[t] * d;
    x.insert(x.end(), row, row + d);
  }
  return x;
}

}  // namespace

Objective Evaluate(const ParameterLayout& layout, std::span<const double> weights,
                   std::span<const float> router_bias, const PackedBatch& batch,
                   const StepOptions& options) {
  const model::ModelConfig& c = layout.config();
  const std::int64_t s = batch.seq_len, d = c.hidden_size, vocabulary = c.vocab_size;
  const bool with_mtp = options.mtp_weight > 0 && layout.has_mtp();
  Objective sum;
  std::int64_t targets = 0, mtp_targets = 0;
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    const std::int32_t* tokens = batch.tokens.data() + row * (s + 1);
    const std::uint8_t* mask = batch.loss_mask.data() + row * s;
    const std::int32_t* segment = batch.segment.data() + row * s;
    std::vector<std::int32_t> first_key(static_cast<std::size_t>(s), 0);
    for (std::int64_t i = 1; options.isolate && i < s; ++i) {
      first_key[i] = segment[i] == segment[i - 1] ? first_key[i - 1] : static_cast<std::int32_t>(i);
    }
    RowPass pass(layout, weights, router_bias, first_key, options);
    Matrix x = Embeddings(layout, weights.data(), tokens, s);
    for (std::int64_t i = 0; i < c.num_hidden_layers; ++i) pass.Block(layout.blocks()[i], x);
    const Matrix hidden = pass.Norm(x, d, layout.final_norm());
    const Matrix logits = pass.Project(hidden, d, vocabulary, layout.head());
    for (std::int64_t i = 0; i < s; ++i) {
      if (mask[i] == 0) continue;
      const double* position = logits.data() + i * vocabulary;
      const double loss =
          kernels::reference::CrossEntropy(position, vocabulary, std::int64_t{tokens[i + 1]}, 0.0);
      sum.loss += loss;
      sum.z_loss += kernels::reference::CrossEntropy(position, vocabulary,
                                                     std::int64_t{tokens[i + 1]}, options.z_loss) -
                    loss;
      ++targets;
    }
    if (with_mtp) {
      const Matrix embedded = pass.Norm(Embeddings(layout, weights.data(), tokens + 1, s), d,
                                        layout.mtp().embedding_norm);
      const Matrix state = pass.Norm(hidden, d, layout.mtp().hidden_norm);
      Matrix joined;
      for (std::int64_t i = 0; i < s; ++i) {
        joined.insert(joined.end(), embedded.begin() + i * d, embedded.begin() + (i + 1) * d);
        joined.insert(joined.end(), state.begin() + i * d, state.begin() + (i + 1) * d);
      }
      Matrix y = pass.Project(joined, 2 * d, d, layout.mtp().eh_proj);
      pass.Block(layout.blocks().back(), y);
      const Matrix next =
          pass.Project(pass.Norm(y, d, layout.mtp().head_norm), d, vocabulary, layout.head());
      for (std::int64_t i = 0; i + 1 < s; ++i) {
        if (mask[i + 1] == 0 || (options.isolate && segment[i] != segment[i + 1])) continue;
        sum.mtp_loss += kernels::reference::CrossEntropy(next.data() + i * vocabulary, vocabulary,
                                                         std::int64_t{tokens[i + 2]}, 0.0);
        ++mtp_targets;
      }
    }
    sum.balance_loss += pass.balance_loss();
  }
  sum.loss /= static_cast<double>(std::max<std::int64_t>(targets, 1));
  sum.z_loss /= static_cast<double>(std::max<std::int64_t>(targets, 1));
  sum.mtp_loss /= static_cast<double>(std::max<std::int64_t>(mtp_targets, 1));
  sum.balance_loss /= static_cast<double>(batch.rows);
  return sum;
}

}  // namespace holdfast::trainer::reference
