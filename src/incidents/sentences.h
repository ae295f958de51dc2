// Sentences: a verdict in plain English, chosen by rule, never by hand: what was lost, of that
// which part was what, with intervals; who is held hostile and why; what is not known. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "verdict/verdict.h"

namespace holdfast::incidents {

// `zero_unix_s`: Unix time of the guard's time zero.
std::vector<std::string> Sentences(const verdict::Verdict& verdict, std::int64_t zero_unix_s);

// Pieces that reports use too.
std::string UtcMinute(guard::Time time, std::int64_t zero_unix_s);  // "14:02 UTC".
std::string UtcSecond(guard::Time time, std::int64_t zero_unix_s);  // "14:02:59 UTC".
std::string UtcDate(guard::Time time, std::int64_t zero_unix_s);    // "2025-01-27".
std::string Percent(double share);                                  // "81 %"; under 1 %: "0.4 %".
std::string PercentOf(const verdict::Share& share);                 // "81 % (74-88)".
std::string Grouped(double count);                                  // "212,000", rounded to whole.
std::string_view DetectorPhrase(guard::Detector detector);          // "never seen before".
// The two or three detectors that spoke for the most of those held hostile, most first.
std::vector<guard::Detector> TellingDetectors(const verdict::Verdict& verdict);

}  // namespace holdfast::incidents
