// Secret: text that must not be seen: a key, a password. It does not print, is compared in constant
// time, and its bytes are wiped when it dies. Move-only, so that there is one copy. Value type.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast {

class Secret {
 public:
  Secret() = default;
  // Wiping what the caller read the text from is the caller's.
  explicit Secret(std::string text) : text_(text) { Wipe(text); }
  Secret(Secret&& other) noexcept { *this = std::move(other); }
  Secret& operator=(Secret&& other) noexcept {
    if (this == &other) return *this;
    // A short text lies in the object itself, so that a move would leave it behind.
    Wipe(text_);
    text_ = other.text_;
    Wipe(other.text_);
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { Wipe(text_); }

  bool empty() const { return text_.empty(); }
  // For the one place that must say it. Valid while this lives and is not assigned to.
  std::string_view Reveal() const { return text_; }
  // The length alone shows in how long it takes.
  bool Equals(std::string_view other) const {
    unsigned difference = text_.size() == other.size() ? 0 : 1;
    for (std::size_t i = 0; i < text_.size(); ++i) {
      const char theirs = i < other.size() ? other[i] : '\0';
      difference |= static_cast<unsigned char>(text_[i] ^ theirs);
    }
    return difference == 0;
  }

  // Overwrites every byte and empties the text, in a way that no optimizer leaves out.
  static void Wipe(std::string& text) {
    volatile char* const bytes = text.data();
    for (std::size_t i = 0; i < text.size(); ++i) bytes[i] = '\0';
    text.clear();
  }

 private:
  std::string text_;
};

}  // namespace holdfast
