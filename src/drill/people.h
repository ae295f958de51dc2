// PeopleGroup: people in front of a web page. A session is a page, perhaps a sign-up or a log-in,
// then turns: ask, read, think. They leave when it takes too long, some come again later and most
// heed the time they are told. Some stop an answer in the middle. Single-threaded.
#pragma once

#include <cstdint>
#include <vector>

#include "drill/world.h"

namespace holdfast::drill {

class PeopleGroup : public CallerGroup {
 public:
  // `name` seeds the group's callers.
  PeopleGroup(const People& people, std::uint64_t name) : people_(people), name_(name) {}

  std::uint32_t count() const override { return people_.count; }
  void Introduce(World& world, std::uint32_t first) override;
  void Begin(World& world) override;
  void OnWake(World& world, std::uint32_t caller, std::uint16_t note) override;
  Duration OnAttemptEnd(World& world, Wish& wish, const AttemptEnd& end) override;

 protected:
  enum Phase : std::uint8_t { kArrive, kSignUp, kLogIn, kChat };

  // What the n-th person is besides what all have in common.
  virtual void MakePerson(World& world, CallerState& person, std::uint32_t n);
  virtual Time FirstArrival(World& world, CallerState& person, std::uint32_t n);
  // When the session is over; Time::max(): never.
  virtual Time NextArrival(World& world, CallerState& person);
  virtual std::uint64_t Payload(World& world, CallerState& person);
  virtual bool WantsAccount(const CallerState& person) const;

  const People people_;
  const std::uint64_t name_;

 private:
  bool HasPageOpen(CallerState& person) const;
  void AskPage(World& world, std::uint32_t caller);
  void AskSignUp(World& world, std::uint32_t caller);
  void AskLogIn(World& world, std::uint32_t caller);
  void AskTurn(World& world, std::uint32_t caller);
  // Goes on as after a success.
  void GoOn(World& world, std::uint32_t caller, guard::Route route, std::uint32_t output_tokens);
  void EndSession(World& world, std::uint32_t caller);
  Duration OnRefusedSignUp(World& world, CallerState& person, Wish& wish, const AttemptEnd& end);
  Duration OnLostTurn(World& world, CallerState& person, Wish& wish, const AttemptEnd& end);
  double Mark(const World& world, std::uint32_t caller, const CallerState& person) const;

  std::uint32_t first_ = 0;
  double cycle_s_ = 0;  // Of being here and away, on average.
};

}  // namespace holdfast::drill
