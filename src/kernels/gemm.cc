#include "kernels/gemm.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <tuple>
#include <unordered_map>
#include <vector>

#include <dnnl.hpp>

#include "base/check.h"
#include "tensor/aligned_buffer.h"

// From GNU OpenMP, oneDNN's own threading: each of our threads must see it as single-threaded.
extern "C" void omp_set_num_threads(int count);

namespace holdfast::kernels {
namespace {

using dnnl::memory;

struct Key {
  std::int64_t m, n, k, a_stride, b_stride, c_stride;
  std::int32_t flags;  // Transposes, accumulation and types, one bit each.
  bool operator==(const Key&) const = default;
};

struct KeyHash {
  std::size_t operator()(const Key& key) const {
    std::uint64_t hash = 0x9E3779B97F4A7C15u;
    for (const std::int64_t part : {key.m, key.n, key.k, key.a_stride, key.b_stride, key.c_stride,
                                    static_cast<std::int64_t>(key.flags)}) {
      hash = (hash ^ static_cast<std::uint64_t>(part)) * 0xFF51AFD7ED558CCDu;
      hash ^= hash >> 32;
    }
    return hash;
  }
};

// One compiled product with its argument objects, whose pointers are set at each call.
struct Product {
  dnnl::matmul matmul;
  memory a, b, c, scratch;
  std::unordered_map<int, memory> arguments;
  std::size_t scratch_bytes = 0;
};

// Bounds the compiled products one thread keeps: MoE row counts vary from step to step.
constexpr std::size_t kProductsMax = 8192;

class ThreadState {
 public:
  ThreadState() : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) { omp_set_num_threads(1); }

  void Run(const GemmShape& shape, const Key& key, memory::data_type in, memory::data_type out,
           const void* a, const void* b, void* c) {
    auto found = products_.find(key);
    if (found == products_.end()) {
      if (products_.size() >= kProductsMax) products_.clear();
      found = products_.emplace(key, Compile(shape, key, in, out)).first;
    }
    Product& product = *found->second;
    if (scratch_.size() < product.scratch_bytes) {
      scratch_ = tensor::AlignedBuffer<std::byte>(product.scratch_bytes);
    }
    // oneDNN takes non-const handles for its sources and does not write to them.
    product.a.set_data_handle(const_cast<void*>(a));
    product.b.set_data_handle(const_cast<void*>(b));
    product.c.set_data_handle(c);
    product.scratch.set_data_handle(scratch_.data());
    product.matmul.execute(stream_, product.arguments);
  }

 private:
  std::unique_ptr<Product> Compile(const GemmShape& shape, const Key& key, memory::data_type in,
                                   memory::data_type out) {
    const memory::desc a(
        {shape.m, shape.k}, in,
        shape.transpose_a ? memory::dims{1, key.a_stride} : memory::dims{key.a_stride, 1});
    const memory::desc b(
        {shape.k, shape.n}, in,
        shape.transpose_b ? memory::dims{1, key.b_stride} : memory::dims{key.b_stride, 1});
    const memory::desc c({shape.m, shape.n}, out, memory::dims{key.c_stride, 1});
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (shape.accumulate) {
      dnnl::post_ops add;
      add.append_sum(1.0f);
      attributes.set_post_ops(add);
    }
    auto product = std::make_unique<Product>();
    try {
      const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(a, b, c), attributes,
                                                     engine_);
      product->matmul = dnnl::matmul(description);
      product->a = memory(a, engine_, nullptr);
      product->b = memory(b, engine_, nullptr);
      product->c = memory(c, engine_, nullptr);
      product->scratch = memory(description.scratchpad_desc(), engine_, nullptr);
      product->scratch_bytes = description.scratchpad_desc().get_size();
    } catch (const dnnl::error& error) {
      CHECK_MSG(false, "oneDNN cannot multiply {}x{}x{}: {}", shape.m, shape.n, shape.k,
                error.message);
    }
    product->arguments = {{DNNL_ARG_SRC, product->a},
                          {DNNL_ARG_WEIGHTS, product->b},
                          {DNNL_ARG_DST, product->c},
                          {DNNL_ARG_SCRATCHPAD, product->scratch}};
    return product;
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  std::unordered_map<Key, std::unique_ptr<Product>, KeyHash> products_;
  tensor::AlignedBuffer<std::byte> scratch_;
};

void RunGemm(const GemmShape& shape, memory::data_type in, memory::data_type out, const void* a,
             std::int64_t a_stride, const void* b, std::int64_t b_stride, void* c,
             std::int64_t c_stride) {
  if (shape.m == 0 || shape.n == 0) return;
  CHECK(shape.k > 0);
  CHECK(!shape.accumulate || out == memory::data_type::f32);
  thread_local ThreadState state;
  const Key key{.m = shape.m,
                .n = shape.n,
                .k = shape.k,
                .a_stride = a_stride,
                .b_stride = b_stride,
                .c_stride = c_stride,
                .flags = (shape.transpose_a ? 1 : 0) | (shape.transpose_b ? 2 : 0) |
                         (shape.accumulate ? 4 : 0) | (in == memory::data_type::bf16 ? 8 : 0) |
                         (out == memory::data_type::bf16 ? 16 : 0)};
  state.Run(shape, key, in, out, a, b, c);
}

template <typename T>
double TimeProducts(double seconds) {
  constexpr std::int64_t kM = 2048, kN = 1024, kK = 512;
  tensor::AlignedBuffer<T> a(kM * kK), b(kK * kN);
  tensor::AlignedBuffer<float> c(kM * kN);
  for (T& value : a) FromFloat(0.5f, value);
  for (T& value : b) FromFloat(-0.25f, value);
  const GemmShape shape{.m = kM, .n = kN, .k = kK, .transpose_b = true};
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  double best = 1e9;
  do {
    const auto before = Clock::now();
    Gemm(shape, GemmMatrix<const T>{a.data(), kK}, GemmMatrix<const T>{b.data(), kK},
         GemmMatrix<float>{c.data(), kN});
    best = std::min(best, std::chrono::duration<double>(Clock::now() - before).count());
  } while (std::chrono::duration<double>(Clock::now() - start).count() < seconds);
  return 2.0 * kM * kN * kK / best;
}

}  // namespace

void Gemm(const GemmShape& shape, GemmMatrix<const float> a, GemmMatrix<const float> b,
          GemmMatrix<float> c) {
  RunGemm(shape, memory::data_type::f32, memory::data_type::f32, a.data, a.stride, b.data, b.stride,
          c.data, c.stride);
}

void Gemm(const GemmShape& shape, GemmMatrix<const Bf16> a, GemmMatrix<const Bf16> b,
          GemmMatrix<float> c) {
  RunGemm(shape, memory::data_type::bf16, memory::data_type::f32, a.data, a.stride, b.data,
          b.stride, c.data, c.stride);
}

void Gemm(const GemmShape& shape, GemmMatrix<const Bf16> a, GemmMatrix<const Bf16> b,
          GemmMatrix<Bf16> c) {
  RunGemm(shape, memory::data_type::bf16, memory::data_type::bf16, a.data, a.stride, b.data,
          b.stride, c.data, c.stride);
}

bool HasNativeBf16() {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  return isa == dnnl::cpu_isa::avx512_core_bf16 || isa == dnnl::cpu_isa::avx512_core_amx;
}

double MeasureGemmPeak(bool bf16, double seconds) {
  return bf16 ? TimeProducts<Bf16>(seconds) : TimeProducts<float>(seconds);
}

}  // namespace holdfast::kernels
