// The list of verbs. A verb's file defines its Add function: it adds a subcommand with its options,
// whose callback does the work and sets `exit_code`.
#pragma once

#include <array>

namespace CLI {
class App;
}

namespace holdfast {

struct Verb {
  void (*add)(CLI::App& app, int& exit_code);
};

void AddAdmin(CLI::App& app, int& exit_code);
void AddBackup(CLI::App& app, int& exit_code);
void AddCertificate(CLI::App& app, int& exit_code);
void AddChat(CLI::App& app, int& exit_code);
void AddConvert(CLI::App& app, int& exit_code);
void AddData(CLI::App& app, int& exit_code);
void AddDrill(CLI::App& app, int& exit_code);
void AddEngine(CLI::App& app, int& exit_code);
void AddGateway(CLI::App& app, int& exit_code);
void AddGuard(CLI::App& app, int& exit_code);
void AddInspect(CLI::App& app, int& exit_code);
void AddJournal(CLI::App& app, int& exit_code);
void AddKeys(CLI::App& app, int& exit_code);
void AddLogits(CLI::App& app, int& exit_code);
void AddRestore(CLI::App& app, int& exit_code);
void AddTrain(CLI::App& app, int& exit_code);
void AddUp(CLI::App& app, int& exit_code);
void AddVerdict(CLI::App& app, int& exit_code);

inline constexpr std::array kVerbs{
    Verb{AddAdmin},   Verb{AddBackup},  Verb{AddCertificate}, Verb{AddChat},    Verb{AddConvert},
    Verb{AddData},    Verb{AddDrill},   Verb{AddEngine},      Verb{AddGateway}, Verb{AddGuard},
    Verb{AddInspect}, Verb{AddJournal}, Verb{AddKeys},        Verb{AddLogits},  Verb{AddRestore},
    Verb{AddTrain},   Verb{AddUp},      Verb{AddVerdict},
};

}  // namespace holdfast
