// What a model file holds: counts, sizes and types, and the bytes of weights that one decoded token
// reads (the numerator of the memory limit). Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "json/json.h"
#include "weights/checkpoint.h"

namespace holdfast::weights {

struct TypeTotals {
  std::int64_t tensors = 0;
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;
};

struct TensorSummary {
  std::string name;  // As in the file.
  std::string dtype;
  std::string shape;
  std::uint64_t bytes = 0;
};

struct ModelSummary {
  std::string format;
  std::string model_type;
  std::int64_t parameters = 0;         // Of all tensors, MTP modules included.
  std::int64_t parameters_mtp = 0;     // Of MTP modules.
  std::int64_t parameters_active = 0;  // Used for one decoded token, MTP left out.
  std::uint64_t bytes = 0;
  std::uint64_t bytes_per_token = 0;  // Read for one decoded token, cache left out.
  std::map<std::string, TypeTotals> types;
  std::int64_t vocabulary_tokens = 0;  // Of a GGUF's tokenizer; 0 if it is elsewhere or missing.
  std::vector<TensorSummary> tensors;
  json::Object config;
};

// A decoded token reads every tensor once, but only num_experts_per_tok of the routed experts, one
// row of the embedding (all of it where it is the output too), and no MTP module. Of a fused and a
// split kv_b in one file it counts the split one.
ModelSummary Inspect(const Checkpoint& checkpoint);

// For people: a short description, then one line a tensor.
std::string SummaryText(const ModelSummary& summary);
json::Object SummaryJson(const ModelSummary& summary);

}  // namespace holdfast::weights
