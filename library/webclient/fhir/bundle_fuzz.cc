// Any bytes as the answer to a search: a page whose entries lie in its buffer, or one of the errors that are promised.
#include "library/webclient/fhir/bundle.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "library/meta/error.h"

namespace {

using namespace wellhead;

constexpr int kMaxDepth = 20;

void require(bool holds) {
  if (!holds) std::abort();
}

bool promised(meta::ErrorCode code) {
  return code == meta::ErrorCode::source_not_fhir || code == meta::ErrorCode::source_unreachable ||
         code == meta::ErrorCode::source_failed || code == meta::ErrorCode::source_limit;
}

// Whatever a caller reads of an entry is of the body, or the padding behind it.
std::size_t read_all(const webclient::SearchPage& page) {
  std::size_t sum = 0;
  for (const webclient::Entry& entry : page.entries) {
    require(entry.resource.empty() ||
            (entry.resource.data() >= page.buffer.data() &&
             entry.resource.data() + entry.resource.size() <= page.buffer.data() + page.buffer.size()));
    for (const char c : entry.resource) sum += static_cast<unsigned char>(c);
  }
  return sum;
}

void read(webclient::BundleReader& reader, std::string_view body, bool all_came) {
  try {
    const webclient::SearchPage page = reader.read(std::string(body), "http://f/Patient", all_came);
    static_cast<void>(read_all(page));
    require(!page.total || *page.total >= 0);
  } catch (const meta::Error& error) {
    require(promised(error.code()));
    require(!error.message().empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // One for all, as a client keeps it: what is left of one page must not be seen in the next.
  static webclient::BundleReader reader(kMaxDepth);
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  read(reader, body, false);
  read(reader, body, true);
  read(reader,
       R"({"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Patient","id":"a"}}]})",
       true);
  return 0;
}
