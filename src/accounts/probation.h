// Probation: an account that was made while registrations were restricted, or that looked like a
// machine's, may be logged in to and used for all but answers, until one of these:
//
//   an operator says yes               at any time
//   its mail address is confirmed      once registrations are open again
//   Account::probation_until has passed, and as long again since registrations were last restricted
//
// While it goes on, also accounts that were made within a minute before: a surge is seen after it
// has begun.
//
// So who makes accounts by the thousand gets nothing by them while it goes on; a mailbox does not
// help, since mailboxes are made by the thousand, too. Who was invited is never on it. Pure.
#pragma once

#include "accounts/account.h"

namespace holdfast::accounts {

struct RegistrationCalm {
  bool is_restricted = false;  // By the guard.
  TimeMs restricted_at = 0;    // When it last came to be.
  TimeMs lifted_at = 0;        // When it last was not any more; 0: not since the start.
};

// When it ends by itself, if all stays calm; 0: it is over, or never was.
TimeMs ProbationEnd(const Identity& who, const RegistrationCalm& calm, TimeMs probation_ms,
                    TimeMs now);
// Errors: kAccountPaused, with words for the person.
Outcome<void> CheckProbation(const Identity& who, const RegistrationCalm& calm, TimeMs probation_ms,
                             TimeMs now);

}  // namespace holdfast::accounts
