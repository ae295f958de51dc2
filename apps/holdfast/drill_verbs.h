// What `holdfast drill` is made of; verb_drill.cc puts them together.
#pragma once

namespace CLI {
class App;
}

namespace holdfast {

void AddDrillCalibrate(CLI::App& drill, int& exit_code);
void AddDrillGenerate(CLI::App& drill, int& exit_code);
void AddDrillLive(CLI::App& drill, int& exit_code);
void AddDrillScore(CLI::App& drill, int& exit_code);
void AddDrillSimulate(CLI::App& drill, int& exit_code);

}  // namespace holdfast
