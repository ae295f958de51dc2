#include "incidents/internal/sections.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <string_view>
#include <type_traits>

#include "incidents/internal/fields.h"
#include "incidents/internal/rows.h"

namespace holdfast::incidents {
namespace {

using namespace std::chrono_literals;
using guard::Duration;
using guard::Time;

constexpr std::int64_t kCountMax = 1 << 22;
constexpr Duration kSpanMax = 25h;  // Of a bundle.
constexpr std::array<std::string_view, 2> kDepthWords = {"early", "final"};

template <typename T, typename U>
concept Like = std::same_as<std::remove_const_t<T>, U>;

template <typename Fields>
void DescribeIncident(Fields& fields, auto& bundle) {
  fields.Whole("zero_unix_s", bundle.zero_unix_s, 0, std::int64_t{1} << 40);
  fields.Word("depth", bundle.depth, kDepthWords);
  fields.Moment("onset_us", bundle.input.onset, kSpanMax);
  fields.Moment("end_us", bundle.input.end, kSpanMax);
  fields.Moment("now_us", bundle.input.now, kSpanMax);
}

// Bounds keep a replay's cost and the model's arithmetic sane whatever a file says.
template <typename Fields>
void DescribeAdmission(Fields& fields, auto& options) {
  fields.Micros("first_token_max_us", options.level.first_token_max, 1ms, 10min);
  fields.Micros("token_interval_max_us", options.level.token_interval_max, 1ms, 1min);
  fields.Micros("wait_max_us", options.wait_max, 0s, 1h);
  fields.Micros("batch_wait_max_us", options.batch_wait_max, 0s, 1h);
  fields.Micros("retry_after_max_us", options.retry_after_max, 1s, 1h);
  fields.Whole("queue_max", options.queue_max, 1, 1 << 16);
  fields.Whole("queue_per_client_max", options.queue_per_client_max, 1, 1 << 16);
  fields.Whole("per_client_max", options.per_client_max, 0, 1 << 16);
  fields.Whole("clients_max", options.clients_max, 8, 1 << 18);
  fields.Whole("in_flight_min", options.in_flight_min, 1, 1 << 14);
  fields.Whole("in_flight_initial", options.in_flight_initial, 1, 1 << 14);
  fields.Whole("in_flight_max", options.in_flight_max, 1, 1 << 14);
  fields.Real("weight_input", options.weight_input, 1e-3, 1e3);
  fields.Real("weight_output", options.weight_output, 1e-3, 1e3);
  fields.Real("bytes_per_token", options.bytes_per_token, 0.1, 100);
  fields.Whole("output_tokens_initial", options.output_tokens_initial, 1, kCountMax);
  fields.Whole("request_tokens_max", options.request_tokens_max, 1, kCountMax);
  for (std::size_t i = 0; i < options.share.size(); ++i) {
    fields.Real("share_" + std::to_string(i), options.share[i], 0, 0.5);
  }
  fields.Flag("is_fair", options.is_fair);
  fields.Flag("is_deadline_aware", options.is_deadline_aware);
  fields.Flag("is_adaptive", options.is_adaptive);
  fields.Flag("is_paced", options.is_paced);
  fields.Flag("has_ladder", options.has_ladder);
}

template <typename Fields>
void DescribeEngine(Fields& fields, auto& engine) {
  fields.Real("step_base_s", engine.step_base_s, 1e-5, 10);
  fields.Real("step_per_sequence_s", engine.step_per_sequence_s, 0, 1);
  fields.Real("step_per_context_token_s", engine.step_per_context_token_s, 0, 1e-3);
  fields.Real("prefill_token_s", engine.prefill_token_s, 0, 1);
  fields.Whole("sequences_max", engine.sequences_max, 1, 1 << 14);
  fields.Whole("prefill_chunk_tokens", engine.prefill_chunk_tokens, 1, 1 << 16);
  fields.Whole("cache_tokens_max", engine.cache_tokens_max, 1, std::int64_t{1} << 40);
  fields.Whole("workers", engine.workers, 1, 1024);
}

template <typename Fields, Like<verdict::CapacityStep> T>
void Describe(Fields& fields, T& step) {
  fields.Moment("time_us", step.time, kSpanMax);
  fields.Real("engine_share", step.engine_share, 0, 1);
  fields.Whole("workers_up", step.workers_up, 0, 1024);
  fields.Whole("workers_total", step.workers_total, 1, 1024);
  fields.Real("batch_share", step.batch_share, 0, 1);
  fields.Real("limits_share", step.limits_share, 0, 1);
}

template <typename Fields, Like<verdict::ProvisionedLevel> T>
void Describe(Fields& fields, T& level) {
  fields.Moment("from_us", level.from, kSpanMax);
  fields.Real("cost_per_s", level.cost_per_s, 0, 1e15);
}

template <typename Fields, Like<verdict::OutsideProbe> T>
void Describe(Fields& fields, T& probe) {
  fields.Moment("time_us", probe.time, kSpanMax);
  fields.Flag("has_reached_host", probe.has_reached_host);
  fields.Real("host_busy_share", probe.host_busy_share, 0, 1);
}

template <typename Fields, Like<verdict::JournalGap> T>
void Describe(Fields& fields, T& gap) {
  fields.Moment("from_us", gap.from, kSpanMax);
  fields.Moment("to_us", gap.to, kSpanMax);
}

template <typename T>
json::Value WriteList(const std::vector<T>& items) {
  json::Array array;
  for (const T& item : items) {
    json::Object object;
    FieldWriter writer(object);
    Describe(writer, item);
    array.emplace_back(std::move(object));
  }
  return array;
}

Error In(std::string_view section, const Error& error) {
  return MakeError(error.code, "section '{}': {}", section, error.message);
}

template <typename T>
Result<void> ReadList(const json::Object& sections, std::string_view name, std::vector<T>& items) {
  const auto array = json::RequireArray(sections, name, kBundleStepsMax);
  if (!array) return Fail(In(name, array.error()));
  for (const json::Value& value : **array) {
    if (!value.is_object()) {
      return Fail(ErrorCode::kInvalidArgument, "section '{}': row {} is no object", name,
                  items.size());
    }
    FieldReader reader(value.get_object());
    Describe(reader, items.emplace_back());
    if (reader.error()) {
      return Fail(reader.error()->code, "section '{}': row {}: {}", name, items.size() - 1,
                  reader.error()->message);
    }
  }
  return {};
}

template <typename DescribeAll>
json::Value WriteObject(DescribeAll describe) {
  json::Object object;
  FieldWriter writer(object);
  describe(writer);
  return object;
}

template <typename DescribeAll>
Result<void> ReadObject(const json::Object& sections, std::string_view name, DescribeAll describe) {
  const auto object = json::RequireObject(sections, name);
  if (!object) return Fail(In(name, object.error()));
  FieldReader reader(**object);
  describe(reader);
  if (reader.error()) return Fail(In(name, *reader.error()));
  return {};
}

void DescribeService(auto& fields, auto& input) {
  fields.Micros("report_interval_us", input.report_interval, 50ms, 1min);
  DescribeAdmission(fields, input.admission);
  DescribeEngine(fields, input.engine);
}

// What a field alone cannot say.
Result<void> CheckWhole(const Bundle& bundle) {
  const verdict::JudgeInput& input = bundle.input;
  const auto broken = [](std::string_view what) {
    return Fail(ErrorCode::kInvalidArgument, "{}", what);
  };
  if (input.end < input.onset || input.now < input.onset) {
    return broken("section 'incident': it ends before its onset");
  }
  const guard::AdmissionOptions& admission = input.admission;
  if (admission.in_flight_min > admission.in_flight_max ||
      admission.in_flight_initial > admission.in_flight_max ||
      admission.in_flight_initial < admission.in_flight_min) {
    return broken("section 'service': in_flight_min, _initial and _max are not in order");
  }
  if (!std::has_single_bit(admission.clients_max)) {
    return broken("section 'service': clients_max is no power of two");
  }
  double share = 0;
  for (const double part : admission.share) share += part;
  if (share >= 1) return broken("section 'service': the shares are 1 or more");
  if (!std::ranges::is_sorted(input.capacity.steps, {}, &verdict::CapacityStep::time)) {
    return broken("section 'capacity': not in order of time");
  }
  if (!std::ranges::is_sorted(input.provision.levels, {}, &verdict::ProvisionedLevel::from)) {
    return broken("section 'provision': not in order of time");
  }
  if (!std::ranges::is_sorted(input.probes, {}, &verdict::OutsideProbe::time)) {
    return broken("section 'probes': not in order of time");
  }
  const auto overlaps = [](const verdict::JournalGap& one, const verdict::JournalGap& next) {
    return next.from < one.to;
  };
  const auto is_backward = [](const verdict::JournalGap& gap) { return gap.to < gap.from; };
  if (std::ranges::any_of(input.gaps, is_backward) ||
      std::ranges::adjacent_find(input.gaps, overlaps) != input.gaps.end()) {
    return broken("section 'gaps': not in order of time");
  }
  return {};
}

}  // namespace

std::vector<std::pair<std::string, json::Value>> WriteSections(const Bundle& bundle) {
  const verdict::JudgeInput& input = bundle.input;
  std::vector<std::pair<std::string, json::Value>> sections;
  const auto add = [&](const char* name, json::Value value) {
    sections.emplace_back(name, std::move(value));
  };
  add("incident", WriteObject([&](auto& fields) { DescribeIncident(fields, bundle); }));
  add("service", WriteObject([&](auto& fields) { DescribeService(fields, input); }));
  add("capacity", WriteList(input.capacity.steps));
  add("provision", WriteList(input.provision.levels));
  add("probes", WriteList(input.probes));
  add("gaps", WriteList(input.gaps));
  add("records", WriteRecords(input.records));
  add("scores", WriteScores(input.scores));
  return sections;
}

Result<void> ReadSections(const json::Object& sections, Bundle& bundle) {
  verdict::JudgeInput& input = bundle.input;
  TRY(ReadObject(sections, "incident", [&](auto& f) { DescribeIncident(f, bundle); }));
  TRY(ReadObject(sections, "service", [&](auto& f) { DescribeService(f, input); }));
  TRY(ReadList(sections, "capacity", input.capacity.steps));
  TRY(ReadList(sections, "provision", input.provision.levels));
  TRY(ReadList(sections, "probes", input.probes));
  TRY(ReadList(sections, "gaps", input.gaps));
  TRY(ReadRecords(sections, input.records));
  TRY(ReadScores(sections, input.scores));
  return CheckWhole(bundle);
}

}  // namespace holdfast::incidents
