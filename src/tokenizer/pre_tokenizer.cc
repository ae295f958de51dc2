#include "tokenizer/pre_tokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <algorithm>
#include <utility>

#include <pcre2.h>

#include "base/check.h"
#include "tokenizer/pre_patterns.h"
#include "tokenizer/pre_syntax.h"
#include "tokenizer/symbol_map.h"
#include "tokenizer/utf8.h"

namespace holdfast::tokenizer {
namespace {

// The published patterns need a few hundred steps a match; a pattern that needs this many would
// hold a request for seconds.
constexpr std::uint32_t kMatchLimit = 1'000'000;
constexpr std::uint32_t kHeapLimitKib = 16 * 1024;
constexpr std::size_t kJitStackBytesMin = 32 * 1024;
constexpr std::size_t kJitStackBytesMax = 1024 * 1024;

struct CodeDeleter {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct Pattern {
  std::unique_ptr<pcre2_code, CodeDeleter> code;
  bool has_jit = false;
};

// What one match needs beside the pattern; one per Split call, so patterns stay shared. Compiled
// code runs on the 32 KiB that PCRE2 takes of the thread's own stack. A stack of its own is mapped
// for the first match that needs more: mapping one a Split took most of the time of short texts.
class Scratch {
 public:
  Scratch()
      : data_(pcre2_match_data_create(1, nullptr)), context_(pcre2_match_context_create(nullptr)) {
    CHECK(data_ != nullptr && context_ != nullptr);
    pcre2_set_match_limit(context_, kMatchLimit);
    pcre2_set_heap_limit(context_, kHeapLimitKib);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    pcre2_jit_stack_free(jit_stack_);
    pcre2_match_context_free(context_);
    pcre2_match_data_free(data_);
  }

  // First match at or after `from`: true and its range, or false.
  bool Match(const Pattern& pattern, std::string_view text, std::size_t from, std::size_t& begin,
             std::size_t& end) {
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    const auto match_compiled = [&] {
      return pcre2_jit_match(pattern.code.get(), subject, text.size(), from, 0, data_, context_);
    };
    int found = pattern.has_jit ? match_compiled() : PCRE2_ERROR_JIT_STACKLIMIT;
    if (found == PCRE2_ERROR_JIT_STACKLIMIT && pattern.has_jit && GrowJitStack()) {
      found = match_compiled();
    }
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
      found = pcre2_match(pattern.code.get(), subject, text.size(), from, PCRE2_NO_JIT, data_,
                          context_);
    }
    if (found < 0) return false;  // No match, or over a limit.
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(data_);
    begin = range[0];
    end = range[1];
    return true;
  }

 private:
  // False if it has been grown already.
  bool GrowJitStack() {
    if (jit_stack_ != nullptr) return false;
    jit_stack_ = pcre2_jit_stack_create(kJitStackBytesMin, kJitStackBytesMax, nullptr);
    if (jit_stack_ == nullptr) return false;
    pcre2_jit_stack_assign(context_, nullptr, jit_stack_);
    return true;
  }

  pcre2_match_data* data_;
  pcre2_match_context* context_;
  pcre2_jit_stack* jit_stack_ = nullptr;
};

// Compiled over symbols: PCRE2 sees bytes and no Unicode.
Result<Pattern> Compile(std::span<const PrePart> parts, const SymbolMap& symbols) {
  std::string translated;
  for (const PrePart& part : parts) {
    translated += part.set ? symbols.ClassOf(*part.set) : part.syntax;
  }
  int error = 0;
  PCRE2_SIZE offset = 0;
  Pattern pattern;
  pattern.code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()),
                                   translated.size(), PCRE2_NEVER_UTF | PCRE2_NEVER_UCP, &error,
                                   &offset, nullptr));
  if (pattern.code == nullptr) {
    PCRE2_UCHAR message[128];
    pcre2_get_error_message(error, message, sizeof message);
    return Fail(ErrorCode::kInvalidArgument, "pre-tokenizer pattern: {}",
                reinterpret_cast<const char*>(message));
  }
  pattern.has_jit = pcre2_jit_compile(pattern.code.get(), PCRE2_JIT_COMPLETE) == 0;
  return pattern;
}

Result<std::vector<PrePart>> Parse(std::string_view source, SetPool& pool) {
  if (source.size() > PreTokenizer::kPatternBytesMax) {
    return Fail(ErrorCode::kTooLarge, "pre-tokenizer pattern of {} bytes is over the limit of {}",
                source.size(), PreTokenizer::kPatternBytesMax);
  }
  return ParsePrePattern(source, pool);
}

// Appends the pieces of one piece, both in symbols: each match, and each gap between matches.
void SplitPiece(const Pattern& pattern, Scratch& scratch, std::string_view piece,
                std::vector<std::string_view>& out) {
  std::size_t done = 0;
  std::size_t from = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
  while (from < piece.size() && scratch.Match(pattern, piece, from, begin, end)) {
    if (begin > done) out.push_back(piece.substr(done, begin - done));
    if (end > begin) out.push_back(piece.substr(begin, end - begin));
    done = end;
    from = end > begin ? end : end + 1;  // An empty match splits where it is.
  }
  if (done < piece.size()) out.push_back(piece.substr(done));
}

}  // namespace

struct PreTokenizer::State {
  SymbolMap symbols;
  std::vector<Pattern> patterns;
};

// What a Split works on, kept from one stretch of valid text to the next.
struct PreTokenizer::Work {
  Scratch scratch;
  std::string symbols;
  std::vector<std::string_view> pieces;
  std::vector<std::string_view> next;
};

void PreTokenizer::SplitValid(std::string_view text, Work& work,
                              std::vector<std::string_view>& pieces) const {
  if (state_->patterns.empty()) {
    pieces.push_back(text);
    return;
  }
  state_->symbols.Translate(text, work.symbols);
  work.pieces.assign(1, work.symbols);
  for (const Pattern& pattern : state_->patterns) {
    work.next.clear();
    for (const std::string_view piece : work.pieces) {
      SplitPiece(pattern, work.scratch, piece, work.next);
    }
    work.pieces.swap(work.next);
  }
  const bool is_ascii = work.symbols.size() == text.size();
  for (const std::string_view piece : work.pieces) {
    std::size_t bytes = piece.size();
    if (!is_ascii) {
      bytes = 0;
      for (std::size_t i = 0; i < piece.size(); ++i) bytes += Utf8Bytes(text[bytes]);
    }
    pieces.push_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
}

PreTokenizer::PreTokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
PreTokenizer::PreTokenizer(PreTokenizer&&) noexcept = default;
PreTokenizer& PreTokenizer::operator=(PreTokenizer&&) noexcept = default;
PreTokenizer::~PreTokenizer() = default;

Result<PreTokenizer> PreTokenizer::Make(std::span<const std::string> patterns) {
  if (patterns.size() > kPatternsMax) {
    return Fail(ErrorCode::kTooLarge, "{} pre-tokenizer patterns are over the limit of {}",
                patterns.size(), kPatternsMax);
  }
  SetPool pool;
  std::vector<std::vector<PrePart>> parsed;
  std::size_t total_bytes = 0;
  for (const std::string& source : patterns) {
    total_bytes += source.size();
    if (total_bytes > kTotalBytesMax) {
      return Fail(ErrorCode::kTooLarge, "pre-tokenizer patterns are over the limit of {} bytes",
                  kTotalBytesMax);
    }
    TRY_ASSIGN(auto parts, Parse(source, pool));
    parsed.push_back(std::move(parts));
  }
  TRY_ASSIGN(SymbolMap symbols, SymbolMap::Make(std::move(pool).TakeSets()));
  auto state = std::make_unique<State>(State{std::move(symbols), {}});
  for (const std::vector<PrePart>& parts : parsed) {
    TRY_ASSIGN(Pattern pattern, Compile(parts, state->symbols));
    state->patterns.push_back(std::move(pattern));
  }
  return PreTokenizer(std::move(state));
}

Result<PreTokenizer> PreTokenizer::Named(std::string_view name) {
  TRY_ASSIGN(const std::vector<std::string> patterns, NamedPrePatterns(name));
  return Make(patterns);
}

void PreTokenizer::Split(std::string_view text, std::vector<std::string_view>& pieces) const {
  pieces.clear();
  if (text.empty()) return;
  Work work;
  while (!text.empty()) {
    const std::size_t valid = ValidUtf8Prefix(text);
    if (valid > 0) SplitValid(text.substr(0, valid), work, pieces);
    text.remove_prefix(valid);
    if (text.empty()) break;
    const std::size_t invalid = NextUtf8(text).bytes;
    pieces.push_back(text.substr(0, invalid));
    text.remove_prefix(invalid);
  }
}

}  // namespace holdfast::tokenizer
