// RefusalTexts: what the door's refusals are told, made once for each that differs in more than its
// wait: by reason, dialect and decision. A flood from one address needs one of them. Thread-safe; a
// short lock. The door must outlive it.
//
// kPlaces texts of a kilobyte each; where two would stand at one place the later one does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "api/refusal_text.h"
#include "guard/door.h"
#include "server/live_door.h"

namespace holdfast::server {

class RefusalTexts {
 public:
  static constexpr std::size_t kPlaces = 1024;

  explicit RefusalTexts(const LiveDoor& door) : door_(door), places_(kPlaces) {}

  api::RefusalText::Filled Fill(const guard::Door::Word& refusal, api::Dialect dialect,
                                std::string_view request_id);

 private:
  // All that a text depends on beside the length of the wait.
  struct Kind {
    guard::Refusal refusal = guard::Refusal::kNone;
    api::Dialect dialect = api::Dialect::kOpenAi;
    bool has_wait = false;
    bool has_long_wait = false;
    guard::RestrictionId decision = 0;
    guard::Time expires{};

    bool operator==(const Kind&) const = default;
  };
  using Text = std::shared_ptr<const api::RefusalText>;
  struct Place {
    Kind kind;
    Text text;  // Null: none yet.
  };

  static Kind KindOf(const guard::Door::Word& refusal, api::Dialect dialect);
  static std::size_t PlaceOf(const Kind& kind);
  Text Find(const guard::Door::Word& refusal, api::Dialect dialect);

  const LiveDoor& door_;
  std::mutex mutex_;
  std::vector<Place> places_;
};

}  // namespace holdfast::server
