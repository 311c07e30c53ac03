// A program of its own: it counts every allocation of the process.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <new>
#include <string>
#include <vector>

#include "library/converter/converter.h"

namespace {

std::atomic<std::size_t> allocations = 0;

void* counted(void* memory) {
  ++allocations;
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// The library's array and nothrow forms call these.
void* operator new(std::size_t size) { return counted(std::malloc(size)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto step = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(step, (size + step - 1) / step * step));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept { std::free(memory); }

namespace wellhead::converter {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(WELLHEAD_SOURCE_DIR "/" + path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

View view(const std::string& path) { return View::parse(read_file(path)); }

struct Resources {
  explicit Resources(const std::string& path) : bytes(read_file(path)) {
    const std::size_t size = bytes.size();
    bytes.append(Converter::kPadding, ' ');
    for (std::size_t at = 0; at < size;) {
      const std::size_t end = std::min(bytes.find('\n', at), size);
      resources.emplace_back(bytes.data() + at, end - at);
      at = end + 1;
    }
  }
  std::string bytes;
  std::vector<std::string_view> resources;
};

struct Round {
  std::size_t rows = 0;
  std::size_t rejected = 0;
  std::size_t allocations = 0;
};

// Over all resources; buffers grow in the first of several.
Round convert(Converter& converter, const Resources& resources, std::vector<CsvOutput>& outputs) {
  Round round;
  for (CsvOutput& output : outputs) output.bytes.clear();
  const std::size_t before = allocations;
  for (const std::string_view resource : resources.resources) {
    if (!converter.convert(resource, ",1,2,3", outputs)) ++round.rejected;
  }
  round.allocations = allocations - before;
  for (CsvOutput& output : outputs) {
    round.rows += output.rows;
    output.rows = 0;
  }
  return round;
}

void expect_no_allocation(const std::vector<View>& views, const std::string& file, bool any_rows) {
  const Resources resources(file);
  Converter converter(views, {.base_url = "http://localhost/fhir", .any_rows = any_rows});
  std::vector<CsvOutput> outputs(views.size());
  const Round first = convert(converter, resources, outputs);
  EXPECT_GT(first.allocations, 0U);  // it does count
  convert(converter, resources, outputs);
  const Round warm = convert(converter, resources, outputs);
  EXPECT_EQ(warm.rejected, 0U);
  EXPECT_GE(warm.rows, resources.resources.size());
  EXPECT_EQ(warm.allocations, 0U);
}

TEST(Allocation, NoneOnceTheBuffersHaveGrown) {
  expect_no_allocation(
      {view("service/observation/observation.view.json"), view("service/observation/observation_component.view.json")},
      "library/converter/testdata/observation.ndjson", false);
  expect_no_allocation({view("service/patient/patient.view.json")}, "library/converter/testdata/patient.ndjson", false);
}

TEST(Allocation, NoneWithTheWholeLanguage) {
  expect_no_allocation({view("library/converter/testdata/fuzz/language.view.json")},
                       "library/converter/testdata/observation.ndjson", true);
}

}  // namespace
}  // namespace wellhead::converter
