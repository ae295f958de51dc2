#include "accounts/registration.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "accounts/names.h"

namespace holdfast::accounts {
namespace {

using store::Transaction;

constexpr std::array<std::string_view, kModeCount> kModeWords = {
    "open", "email", "domains", "invitation", "approval", "closed"};

constexpr std::string_view kModeSetting = "registration.mode";
constexpr std::string_view kDomainsSetting = "registration.domains";
constexpr std::string_view kSinceSetting = "registration.since";

std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

Result<std::optional<std::string>> Setting(Transaction& t, std::string_view name) {
  TRY_ASSIGN(const auto row, t.QueryOne("SELECT value FROM settings WHERE name = :name", {name}));
  if (!row) return std::nullopt;
  return row->Text(0);
}

Result<void> Set(Transaction& t, std::string_view name, std::string_view value) {
  TRY(
      t.Execute("INSERT INTO settings (name, value) VALUES (:name, :value)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                {name, value}));
  return {};
}

Result<std::optional<RegistrationRules>> Load(Transaction& t) {
  TRY_ASSIGN(const auto mode, Setting(t, kModeSetting));
  TRY_ASSIGN(const auto domains, Setting(t, kDomainsSetting));
  TRY_ASSIGN(const auto since, Setting(t, kSinceSetting));
  const std::optional<Mode> known = mode ? FindMode(*mode) : std::nullopt;
  if (!known) return std::nullopt;
  RegistrationRules rules{*known, SplitLines(domains.value_or("")), 0};
  const std::string since_text = since.value_or("0");
  std::from_chars(since_text.data(), since_text.data() + since_text.size(), rules.since);
  return rules;
}

}  // namespace

std::string_view ModeWord(Mode mode) { return kModeWords[static_cast<std::size_t>(mode)]; }

std::optional<Mode> FindMode(std::string_view word) {
  const auto found = std::ranges::find(kModeWords, word);
  if (found == kModeWords.end()) return std::nullopt;
  return static_cast<Mode>(found - kModeWords.begin());
}

bool NeedsEmail(Mode mode) { return mode == Mode::kEmail || mode == Mode::kDomains; }

Outcome<std::unique_ptr<Registration>> Registration::Open(store::Database& database, Mode mode,
                                                          TimeMs now) {
  TRY_STORE(const auto stored, database.Read([](Transaction& t) { return Load(t); }));
  return std::unique_ptr<Registration>(
      new Registration(database, stored.value_or(RegistrationRules{mode, {}, now})));
}

RegistrationRules Registration::rules() {
  const std::lock_guard lock(mutex_);
  return rules_;
}

Outcome<void> Registration::SetRules(Mode mode, const std::vector<std::string>& domains,
                                     TimeMs now) {
  if (domains.size() > kDomainsMax || (mode == Mode::kDomains && domains.empty())) {
    return Refuse(Reason::kBadRequest, "the mode `domains` needs 1 to 100 domains");
  }
  RegistrationRules rules{mode, {}, now};
  std::string lines;
  for (const std::string& domain : domains) {
    const std::optional<std::string> key = EmailKey("a@" + domain);
    if (!key) return Refuse(Reason::kBadRequest, "one of the domains is none");
    rules.domains.emplace_back(DomainOf(*key));
    lines += rules.domains.back() + '\n';
  }
  const Result<void> stored = database_.Write([&](Transaction& t) -> Result<void> {
    TRY(Set(t, kModeSetting, ModeWord(mode)));
    TRY(Set(t, kDomainsSetting, lines));
    return Set(t, kSinceSetting, std::to_string(now));
  });
  if (!stored) return std::unexpected(ToRefused(stored.error()));
  const std::lock_guard lock(mutex_);
  rules_ = std::move(rules);
  return {};
}

Outcome<SignUpTerms> Registration::TermsOf(const SignUpForm& form, bool has_invitation) {
  if (!NameKey(form.name)) return Refuse(Reason::kBadRequest, "the name is not allowed");
  const RegistrationRules now = rules();
  if (now.mode == Mode::kClosed) return Refuse(Reason::kRegistrationClosed);
  if (!has_invitation && (now.mode == Mode::kInvitation || !form.invitation.empty())) {
    return Refuse(Reason::kInvitationRequired, "the invitation is not good");
  }
  SignUpTerms terms;
  terms.uses_invitation = has_invitation;
  if (now.mode == Mode::kApproval) terms.state = State::kPendingApproval;
  // An operator who looks at each is more than a mail.
  const bool guard_asks = form.guard.needs_email && now.mode != Mode::kApproval;
  if (!NeedsEmail(now.mode) && !guard_asks) return terms;
  const std::optional<std::string> key = form.email ? EmailKey(*form.email) : std::nullopt;
  if (!key) return Refuse(Reason::kBadRequest, "a mail address is asked for");
  const bool is_listed = std::ranges::find(now.domains, DomainOf(*key)) != now.domains.end();
  if (now.mode == Mode::kDomains && !is_listed) {
    return Refuse(Reason::kRegistrationClosed,
                  "the mail address is of no domain that may register");
  }
  terms.email = form.email;
  terms.state = State::kPendingEmail;
  return terms;
}

}  // namespace holdfast::accounts
