#include "guard/overload/appointment_book.h"

#include <algorithm>

namespace holdfast::guard {
namespace {

constexpr Duration kRetryAfterMin = std::chrono::seconds(1);
constexpr Duration kAppointmentLength = std::chrono::seconds(60);
constexpr double kSecondsMax = 1e6;  // More is no different.

Duration Seconds(double seconds) { return FromSeconds(std::min(seconds, kSecondsMax)); }

}  // namespace

Duration AppointmentBook::Make(const Request& request, double excess, Time now) {
  Client& client = clients_[request.client];
  if (client.invited_at > now) return client.invited_at - now;
  Time& end = ends_[static_cast<std::size_t>(request.service_class)];
  end = std::max(end, now);
  // Full is what is full without this one: else the last places would be for short ones only.
  const Duration before = end - now + Seconds(excess);
  const bool is_full = before >= retry_after_max_;
  const Duration length = is_full ? Duration(0) : LengthOf(request.cost, request.rate);
  // With a place it is always less than what is told without.
  const Duration after_max = retry_after_max_ - Duration(is_full ? 0 : 1);
  const Duration after =
      std::clamp(before + length, std::min(kRetryAfterMin, after_max), after_max);
  client.booked = is_full ? 0 : static_cast<float>(request.cost);
  client.invited_at = now + after;
  if (is_full) return after;
  end += length;
  clients_.Keep(request.client, request.service_class, client.invited_at + kAppointmentLength);
  return after;
}

void AppointmentBook::Forfeit(const Request& request) {
  Client& client = clients_[request.client];
  if (!HasPlace(client)) return;
  Time& end = ends_[static_cast<std::size_t>(request.service_class)];
  end -= LengthOf(client.booked, request.rate);
  client.booked = 0;
  client.invited_at = {};
}

bool AppointmentBook::ComesWhenTold(Time told, Time now) {
  return told != Time{} && now >= told && now <= told + kAppointmentLength;
}

Duration AppointmentBook::LengthOf(double cost, double rate) const {
  return std::min(Seconds(cost / rate), retry_after_max_);
}

}  // namespace holdfast::guard
