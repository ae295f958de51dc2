// AppointmentBook: when those who are refused are told to come again. Owned by Admission;
// single-threaded, O(1).
//
// One book for each class: appointments one behind the other, each as long after the last as the
// class, at `rate`, works on what was refused. Times are kept, not work: capacity as it is learned
// goes up and down, and the same work over another rate would put many at the same time. A client
// has one appointment at a time (in its entry of the ClientTable, which keeps it until then), and
// may be `kAppointmentLength` late. A book is full that reaches to `retry_after_max`: whoever comes
// then is told so much, and has no place.
#pragma once

#include <array>

#include "guard/clock.h"
#include "guard/overload/client_table.h"
#include "guard/overload/service_class.h"

namespace holdfast::guard {

class AppointmentBook {
 public:
  AppointmentBook(Duration retry_after_max, ClientTable& clients)
      : retry_after_max_(retry_after_max), clients_(clients) {}

  struct Request {
    ServiceClass service_class = ServiceClass::kAnonymous;
    ClientTable::Index client = 0;
    double cost = 0;  // Weighted tokens.
    double rate = 1;  // At which the class works on appointments, weighted tokens a second.
  };
  // Until the client's appointment, made now unless it has one to come, `excess` seconds later than
  // the book says.
  Duration Make(const Request& request, double excess, Time now);
  // Gives it up; the book is shorter by it.
  void Forfeit(const Request& request);

  // Whoever was told `told` comes when it should, be it with a place or without.
  static bool ComesWhenTold(Time told, Time now);
  static bool HasPlace(const Client& client) { return client.booked > 0; }
  bool IsOpen(ServiceClass service_class, Time now) const {
    return ends_[static_cast<std::size_t>(service_class)] > now;
  }

 private:
  Duration LengthOf(double cost, double rate) const;

  Duration retry_after_max_;
  ClientTable& clients_;
  std::array<Time, kServiceClassCount> ends_{};  // Of the last appointment.
};

}  // namespace holdfast::guard
