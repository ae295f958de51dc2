// Layers: the parts that a model is made of — linear map, RMSNorm, gated FFN — each with its
// backward pass beside it, on the calling thread. Weights are read at offsets of the flat array
// (parameters.h), their gradients are added at the same offsets of `gradients`.
//
// Matrices are dense, [rows, width], unless a stride is given. A: type of activations.
#pragma once

#include <cstdint>

#include "kernels/gemm.h"
#include "kernels/train_ops.h"
#include "trainer/parameters.h"

namespace holdfast::trainer {

// Weights as the products read them (`A`) and as the norms read them (float): the same array for
// float activations, a rounded copy for bf16.
template <typename A>
struct WeightViews {
  const float* master = nullptr;
  const A* product = nullptr;
};

struct LinearWeight {
  std::int64_t offset = 0;  // [out, in]
  std::int64_t out = 0;
  std::int64_t in = 0;
};

struct NormWeight {
  std::int64_t offset = 0;  // [width]
  std::int64_t width = 0;
};

// What a norm keeps for its backward pass, and its output.
template <typename A>
struct NormState {
  A* normed = nullptr;           // [rows, width] x / rms.
  A* out = nullptr;              // [rows, width]
  float* inverse_rms = nullptr;  // [rows]
};

// What a gated FFN keeps for its backward pass, and its input.
template <typename A>
struct MlpState {
  const A* in = nullptr;         // [rows, D]
  A* gate_up = nullptr;          // [rows, 2 * inner]
  A* act = nullptr;              // [rows, inner]
  const float* scale = nullptr;  // [rows] factor of the inner activation; null for 1.
};

template <typename A>
struct MlpGradient {
  const A* d_out = nullptr;  // [rows, D]
  A* d_act = nullptr;        // [rows, inner], scratch.
  A* d_gate_up = nullptr;    // [rows, 2 * inner], scratch.
  float* d_scale = nullptr;  // [rows], written; null when scale is.
};

template <typename A>
class Layers {
 public:
  Layers(const model::ModelConfig& config, const WeightViews<A>& weights)
      : hidden_(config.hidden_size),
        norm_eps_(static_cast<float>(config.rms_norm_eps)),
        weights_(weights) {}

  // y (+)= x W^T.
  template <typename Out>
  void Linear(std::int64_t rows, const LinearWeight& w, const A* x, Out* y,
              bool accumulate = false) const {
    kernels::Gemm({.m = rows, .n = w.out, .k = w.in, .transpose_b = true, .accumulate = accumulate},
                  kernels::GemmMatrix<const A>{x, w.in},
                  kernels::GemmMatrix<const A>{weights_.product + w.offset, w.in},
                  kernels::GemmMatrix<Out>{y, w.out});
  }

  // d_x (+)= d_y W, d_W += d_y^T x.
  template <typename Out>
  void LinearBackward(std::int64_t rows, const LinearWeight& w, const A* d_y, const A* x, Out* d_x,
                      float* gradients, bool accumulate = false) const {
    AddWeightGradient(rows, w, d_y, x, gradients);
    InputGradient(rows, w, d_y, d_x, accumulate);
  }
  template <typename Out>
  void InputGradient(std::int64_t rows, const LinearWeight& w, const A* d_y, Out* d_x,
                     bool accumulate = false) const {
    kernels::Gemm({.m = rows, .n = w.in, .k = w.out, .accumulate = accumulate},
                  kernels::GemmMatrix<const A>{d_y, w.out},
                  kernels::GemmMatrix<const A>{weights_.product + w.offset, w.in},
                  kernels::GemmMatrix<Out>{d_x, w.in});
  }
  void AddWeightGradient(std::int64_t rows, const LinearWeight& w, const A* d_y, const A* x,
                         float* gradients) const {
    kernels::Gemm({.m = w.out, .n = w.in, .k = rows, .transpose_a = true, .accumulate = true},
                  kernels::GemmMatrix<const A>{d_y, w.out}, kernels::GemmMatrix<const A>{x, w.in},
                  kernels::GemmMatrix<float>{gradients + w.offset, w.in});
  }

  template <typename In>
  void Norm(std::int64_t rows, const NormWeight& w, const In* x, std::int64_t x_stride,
            const NormState<A>& state) const {
    kernels::RmsNorm(kernels::RmsNormForward<In, A>{.x = x,
                                                    .x_stride = x_stride,
                                                    .weight = weights_.master + w.offset,
                                                    .normed = state.normed,
                                                    .out = state.out,
                                                    .inverse_rms = state.inverse_rms,
                                                    .rows = rows,
                                                    .width = w.width,
                                                    .eps = norm_eps_});
  }

  // d_x (+)= the gradient by the norm's input; adding needs d_x in float.
  template <typename Out>
  void NormBackward(std::int64_t rows, const NormWeight& w, const NormState<A>& state,
                    const float* d_out, Out* d_x, std::int64_t d_x_stride, float* gradients,
                    bool accumulate = false) const {
    kernels::RmsNormGrad(kernels::RmsNormBackward<A, Out>{.d_out = d_out,
                                                          .normed = state.normed,
                                                          .inverse_rms = state.inverse_rms,
                                                          .weight = weights_.master + w.offset,
                                                          .d_x = d_x,
                                                          .d_x_stride = d_x_stride,
                                                          .accumulate = accumulate,
                                                          .d_weight = gradients + w.offset,
                                                          .rows = rows,
                                                          .width = w.width});
  }

  // out (+)= down(scale * silu(gate(in)) * up(in)).
  template <typename Out>
  void Mlp(std::int64_t rows, const MlpOffsets& mlp, const MlpState<A>& state, Out* out,
           bool accumulate = false) const {
    Linear(rows, GateUp(mlp), state.in, state.gate_up);
    kernels::SwiGlu(kernels::SwiGluForward<A>{.gate_up = state.gate_up,
                                              .scale = state.scale,
                                              .out = state.act,
                                              .rows = rows,
                                              .width = mlp.inner});
    Linear(rows, Down(mlp), state.act, out, accumulate);
  }

  template <typename Out>
  void MlpBackward(std::int64_t rows, const MlpOffsets& mlp, const MlpState<A>& state,
                   const MlpGradient<A>& gradient, Out* d_in, float* gradients) const {
    LinearBackward(rows, Down(mlp), gradient.d_out, state.act, gradient.d_act, gradients);
    kernels::SwiGluGrad(kernels::SwiGluBackward<A>{.d_out = gradient.d_act,
                                                   .gate_up = state.gate_up,
                                                   .scale = state.scale,
                                                   .d_gate_up = gradient.d_gate_up,
                                                   .d_scale = gradient.d_scale,
                                                   .rows = rows,
                                                   .width = mlp.inner});
    LinearBackward(rows, GateUp(mlp), gradient.d_gate_up, state.in, d_in, gradients);
  }

 private:
  LinearWeight GateUp(const MlpOffsets& mlp) const { return {mlp.gate_up, 2 * mlp.inner, hidden_}; }
  LinearWeight Down(const MlpOffsets& mlp) const { return {mlp.down, hidden_, mlp.inner}; }

  const std::int64_t hidden_;
  const float norm_eps_;
  const WeightViews<A>& weights_;
};

}  // namespace holdfast::trainer
