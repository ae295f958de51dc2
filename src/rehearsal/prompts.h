// Prompts of a rehearsal: as many words as a group's law says, no two alike unless they are meant
// to be. Beside them the one line by which the scripted engine knows how long its answer is; any
// other engine takes it for text. Single-threaded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "drill/random_stream.h"
#include "rehearsal/plan.h"

namespace holdfast::rehearsal {

struct Size {
  std::uint32_t prompt_tokens = 1;
  std::uint32_t output_tokens = 1;
};

// By the group's medians and sigmas.
Size DrawSize(const Group& group, drill::RandomStream& random);

class Prompts {
 public:
  explicit Prompts(std::uint64_t seed);
  // The body of a request to /v1/chat/completions.
  std::string ChatBody(const Group& group, std::string_view model, const Size& size,
                       drill::RandomStream& random) const;

 private:
  std::string words_;
};

// "Answer in 32 tokens." at the end of a prompt.
std::string LengthLine(std::uint32_t tokens);
std::optional<std::uint32_t> FindLength(std::string_view prompt);

}  // namespace holdfast::rehearsal
