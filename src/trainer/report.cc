#include "trainer/report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "charts/chart.h"

namespace holdfast::trainer {
namespace {

using charts::Curve;
using charts::DrawChart;
using charts::EscapeHtml;

double NumberOf(const json::Object& object, std::string_view key) {
  const json::Value* value = json::Find(object, key);
  return value != nullptr && value->is_number() ? value->to_number<double>() : NAN;
}

Curve CurveOf(const std::vector<json::Object>& history, std::string_view key, std::string name) {
  Curve curve{.name = std::move(name), .x = {}, .y = {}};
  for (const json::Object& line : history) {
    const double value = NumberOf(line, key);
    if (!std::isfinite(value)) continue;
    curve.x.push_back(NumberOf(line, "tokens") * 1e-6);
    curve.y.push_back(value);
  }
  return curve;
}

// Held-out curves by the name of their set, of one measure.
std::vector<Curve> HeldoutCurves(const std::vector<json::Object>& history, std::string_view key) {
  std::map<std::string, Curve> curves;
  for (const json::Object& line : history) {
    const json::Value* sets = json::Find(line, "heldout");
    if (sets == nullptr || !sets->is_object()) continue;
    for (const auto& set : sets->get_object()) {
      if (!set.value().is_object()) continue;
      const double value = NumberOf(set.value().get_object(), key);
      if (!std::isfinite(value)) continue;
      Curve& curve = curves[std::string(set.key())];
      curve.name = set.key();
      curve.x.push_back(NumberOf(line, "tokens") * 1e-6);
      curve.y.push_back(value);
    }
  }
  std::vector<Curve> list;
  for (auto& [name, curve] : curves) list.push_back(std::move(curve));
  return list;
}

// The last recorded step's choices: a row a MoE block, a cell an expert, darker for busier.
std::string DrawExpertTable(const std::vector<json::Object>& history, std::int64_t experts) {
  const json::Array* counts = nullptr;
  for (const json::Object& line : history) {
    const json::Value* value = json::Find(line, "expert_count");
    if (value != nullptr && value->is_array() && !value->get_array().empty()) {
      counts = &value->get_array();
    }
  }
  if (counts == nullptr || experts <= 0) return {};
  std::string html = "<table class=\"load\">";
  const std::size_t width = static_cast<std::size_t>(experts);
  for (std::size_t at = 0; at + width <= counts->size(); at += width) {
    double sum = 0;
    for (std::size_t e = 0; e < width; ++e) sum += (*counts)[at + e].to_number<double>();
    if (sum == 0) continue;
    html += fmt::format("<tr><th>MoE block {}</th>", at / width);
    for (std::size_t e = 0; e < width; ++e) {
      const double load =
          (*counts)[at + e].to_number<double>() * static_cast<double>(experts) / sum;
      html += fmt::format(
          "<td style=\"background:rgba(37,99,235,{:.2f})\" title=\"expert {}: {:.2f}"
          " of the mean\"></td>",
          std::clamp(load / 2, 0.03, 1.0), e, load);
    }
    html += "</tr>";
  }
  return html + "</table>";
}

std::string DrawLedger(const json::Object& ledger) {
  std::string html = "<table>";
  for (const auto& entry : ledger) {
    std::string text;
    if (entry.value().is_string()) {
      text = EscapeHtml(std::string_view(entry.value().get_string()));
    } else if (entry.value().is_int64() || entry.value().is_uint64()) {
      text = fmt::format("{}", entry.value().to_number<std::int64_t>());
    } else if (entry.value().is_number()) {
      text = fmt::format("{:.6g}", entry.value().to_number<double>());
    } else {
      continue;
    }
    std::string name(entry.key());
    std::ranges::replace(name, '_', ' ');
    html += fmt::format("<tr><th>{}</th><td>{}</td></tr>", EscapeHtml(name), text);
  }
  return html + "</table>";
}

}  // namespace

std::string MakeReport(const std::string& name, const std::vector<json::Object>& history,
                       const json::Object& ledger, std::int64_t experts) {
  std::string html;
  const std::string tokens = "million tokens";
  html += "<h2>Loss</h2>";
  std::vector<Curve> losses = {CurveOf(history, "loss", "training")};
  if (Curve mtp = CurveOf(history, "mtp_loss", "MTP"); !mtp.x.empty()) losses.push_back(mtp);
  html += DrawChart({.title = "Loss", .x_label = tokens, .y_label = "nats a token"}, losses);
  if (const auto held = HeldoutCurves(history, "bits_per_byte"); !held.empty()) {
    html +=
        DrawChart({.title = "Held-out loss", .x_label = tokens, .y_label = "bits a byte"}, held);
  }
  html += "<h2>Learning rate and gradient</h2>";
  html += DrawChart(
      {.title = "Learning rate", .x_label = tokens, .y_label = "", .starts_at_zero = true},
      {CurveOf(history, "learning_rate", "learning rate")});
  html += DrawChart({.title = "Gradient norm, before clipping",
                     .x_label = tokens,
                     .y_label = "",
                     .starts_at_zero = true},
                    {CurveOf(history, "gradient_norm", "norm")});
  if (experts > 0) {
    html += "<h2>Expert load</h2>";
    html += DrawChart({.title = "Busiest expert over the mean, worst block",
                       .x_label = tokens,
                       .y_label = "1 is even",
                       .starts_at_zero = true},
                      {CurveOf(history, "expert_load_max", "load")});
    html += DrawExpertTable(history, experts);
  }
  html += "<h2>Ledger</h2>" + DrawLedger(ledger);
  return charts::MakePage("Training run " + name, html);
}

}  // namespace holdfast::trainer
