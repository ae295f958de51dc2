#include "tensor/page_out.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tensor/mapped_file.h"

namespace holdfast::tensor {
namespace {

TEST(PageOut, LeavesEveryByteAsItWas) {
  constexpr std::size_t kBytes = 3 << 20;
  std::vector<std::byte> memory(kBytes);
  for (std::size_t i = 0; i < kBytes; ++i) memory[i] = static_cast<std::byte>(i * 31 >> 3);
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("holdfast-page-out-" + std::to_string(getpid()));
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(memory.data()), kBytes);
  {
    const auto file = MappedFile::Open(path);
    ASSERT_TRUE(file) << file.error().message;
    const std::vector<std::byte> before = memory;
    for (const std::span<const std::byte> bytes :
         {file->bytes(), file->bytes().subspan(1, 5), file->bytes().subspan(4097, 70'001),
          std::span<const std::byte>(memory), std::span<const std::byte>()}) {
      PageOut(bytes);
    }
    EXPECT_EQ(memory, before);
    EXPECT_TRUE(std::equal(before.begin(), before.end(), file->bytes().begin()));
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace holdfast::tensor
