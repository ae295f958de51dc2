// What the two sides of a sandbox say to each other: the command line, the first byte of the
// output, and the exit codes.
#pragma once

#include <cstddef>

namespace holdfast::sandbox {

// holdfast sandbox-job NAME
inline constexpr const char* kVerb = "sandbox-job";

inline constexpr int kInputFd = 0;
inline constexpr int kOutputFd = 1;
inline constexpr int kErrorFd = 2;  // Leads nowhere.

// The first byte: what follows is the job's output, or the message of its error.
inline constexpr char kSaysOutput = 'o';
inline constexpr char kSaysMalformed = 'm';
inline constexpr char kSaysUnsupported = 'u';
inline constexpr char kSaysTooLarge = 'l';

inline constexpr std::size_t kMessageBytesMax = 300;

// Exit codes of a child that has no answer.
inline constexpr int kExitUnknownJob = 81;
inline constexpr int kExitNoInput = 82;
inline constexpr int kExitUnconfined = 83;
inline constexpr int kExitNoMemory = 84;
inline constexpr int kExitNoReader = 85;
inline constexpr int kExitNoProgram = 127;  // As a shell's.

}  // namespace holdfast::sandbox
