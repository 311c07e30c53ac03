#include "library/webclient/fhir/bundle.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "library/webclient/fhir/outcome.h"
#include "library/webclient/text.h"

namespace wellhead::webclient {
namespace {

namespace ondemand = simdjson::ondemand;
using meta::Error;
using meta::ErrorCode;

static_assert(HttpResponse::kPadding >= simdjson::SIMDJSON_PADDING);

// `{"resourceType":"X"` at the front, as nearly all servers write it; empty when it stands elsewhere.
std::string_view leading_resource_type(std::string_view resource) {
  const auto skip = [&resource](std::string_view expected) {
    while (!resource.empty() && static_cast<unsigned char>(resource.front()) <= ' ') resource.remove_prefix(1);
    if (!resource.starts_with(expected)) return false;
    resource.remove_prefix(expected.size());
    return true;
  };
  if (!skip("{") || !skip("\"resourceType\"") || !skip(":") || !skip("\"")) return {};
  return resource.substr(0, std::min(resource.find('"'), resource.size()));
}

struct Nesting {
  int deepest = 0;
  bool closed = true;  // every bracket and string that was opened
};

Nesting nesting_of(std::string_view json) {
  Nesting nesting;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      nesting.deepest = std::max(nesting.deepest, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  nesting.closed = depth <= 0 && !in_string;
  return nesting;
}

constexpr std::size_t kBlock = 128;

// In blocks whose count fits a byte, which compilers turn into vector instructions.
std::size_t opening_brackets(std::string_view json) {
  std::size_t total = 0;
  while (!json.empty()) {
    const auto block = json.substr(0, kBlock);
    unsigned char count = 0;
    for (const char c : block) count += (c | 0x20) == '{' ? 1 : 0;  // '[' and '{' differ in that bit
    total += count;
    json.remove_prefix(block.size());
  }
  return total;
}

// Hardly a resource has as many brackets as the limit, and counting them is fast.
bool deeper_than(std::string_view json, int limit) {
  return opening_brackets(json) > static_cast<std::size_t>(limit) && nesting_of(json).deepest > limit;
}

enum class SearchMode { none, match, include, outcome };

SearchMode read_mode(ondemand::value search) {
  ondemand::object object;
  std::string_view mode;
  if (search.get_object().get(object) != simdjson::SUCCESS) return SearchMode::none;
  if (object.find_field_unordered("mode").get_string().get(mode) != simdjson::SUCCESS) return SearchMode::none;
  if (mode == "include") return SearchMode::include;
  return mode == "outcome" ? SearchMode::outcome : SearchMode::match;
}

std::string_view raw_json(ondemand::value value) {
  std::string_view raw;
  const ondemand::json_type type = value.type();
  if (type == ondemand::json_type::object) {
    ondemand::object object = value.get_object();
    raw = object.raw_json();
  } else if (type == ondemand::json_type::array) {
    ondemand::array array = value.get_array();
    raw = array.raw_json();
  } else {
    raw = value.raw_json_token();
  }
  while (!raw.empty() && static_cast<unsigned char>(raw.back()) <= ' ') raw.remove_suffix(1);
  return raw;
}

// Reads the Bundle's own fields in whatever order they come.
class BundleWalk {
 public:
  BundleWalk(SearchPage& page, int max_depth) : page_(page), max_depth_(max_depth) {}

  void read(ondemand::object bundle) {
    for (auto field : bundle) {
      const std::string_view key = field.unescaped_key();
      if (key == "entry") {
        read_entries(field.value());
      } else if (key == "link") {
        read_links(field.value());
      } else if (key == "total") {
        read_total(field.value());
      } else if (key == "resourceType") {
        resource_type_ = std::string_view(field.value().get_string());
      } else if (key == "type") {
        type_ = std::string_view(field.value().get_string());
      } else {
        too_deep_ = too_deep_ || deeper_than(raw_json(field.value()), max_depth_);
      }
    }
  }

  const std::string& resource_type() const { return resource_type_; }
  const std::string& type() const { return type_; }
  bool too_deep() const { return too_deep_; }

 private:
  void read_total(ondemand::value value) {
    std::int64_t total = 0;
    if (value.get_int64().get(total) == simdjson::SUCCESS && total >= 0) page_.total = total;
  }

  void read_links(ondemand::value value) {
    if (value.is_null()) return;
    for (ondemand::object link : value.get_array()) {
      std::string relation;
      std::string url;
      for (auto field : link) {
        const std::string_view key = field.unescaped_key();
        if (key == "relation") relation = std::string_view(field.value().get_string());
        if (key == "url") url = std::string_view(field.value().get_string());
      }
      if (relation == "next" && !page_.next) page_.next = std::move(url);
    }
  }

  void read_entries(ondemand::value value) {
    if (value.is_null()) return;
    for (ondemand::object entry : value.get_array()) read_entry(entry);
  }

  void read_entry(ondemand::object entry) {
    auto resource = std::string_view(page_.buffer).substr(0, 0);  // stays so when the server left it out
    auto mode = SearchMode::none;
    for (auto field : entry) {
      const std::string_view key = field.unescaped_key();
      if (key == "resource") {
        resource = raw_json(field.value());
      } else if (key == "search") {
        mode = read_mode(field.value());
      }
    }
    if (mode == SearchMode::include) return;
    if (mode == SearchMode::outcome || leading_resource_type(resource) == "OperationOutcome") {
      read_outcome_entry(resource);
      return;
    }
    // Where the server gives no mode, an OperationOutcome may hide behind another order of fields.
    if (mode == SearchMode::none && leading_resource_type(resource).empty() && read_outcome_entry(resource)) return;
    too_deep_ = too_deep_ || deeper_than(resource, max_depth_);
    page_.entries.push_back({resource, true});
  }

  bool read_outcome_entry(std::string_view resource) {
    const auto outcome = read_outcome(resource);
    if (!outcome) return false;
    if (page_.outcome_text.empty() || (page_.outcome_errors == 0 && outcome->errors > 0))
      page_.outcome_text = outcome->text;
    page_.outcome_errors += outcome->errors;
    page_.outcome_warnings += outcome->warnings;
    return true;
  }

  SearchPage& page_;
  const int max_depth_;
  std::string resource_type_;
  std::string type_;
  bool too_deep_ = false;
};

bool looks_like_json(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

}  // namespace

struct BundleReader::State {
  int max_depth;
  ondemand::parser parser;
  std::size_t last_entries = 0;

  simdjson::error_code walk(std::string_view padded, SearchPage& page, std::string_view where);
  simdjson::error_code walk_sanitised(SearchPage& page, std::size_t size, std::string_view where);
  void check(const BundleWalk& walk, std::string_view body, std::string_view where) const;
};

BundleReader::BundleReader(int max_depth) : state_(std::make_unique<State>(max_depth)) {}

BundleReader::~BundleReader() = default;

SearchPage BundleReader::read(std::string body, std::string_view where, bool all_came) {
  SearchPage page;
  page.buffer = std::move(body);
  const auto size = page.buffer.size();
  page.buffer.append(HttpResponse::kPadding, '\0');
  page.entries.reserve(state_->last_entries);
  const std::string_view content(page.buffer.data(), size);
  auto code = state_->walk(content, page, where);
  if (code == simdjson::UTF8_ERROR || code == simdjson::UNESCAPED_CHARS)
    code = state_->walk_sanitised(page, size, where);
  if (code == simdjson::SUCCESS) {
    state_->last_entries = page.entries.size();
    return page;
  }
  const bool json = looks_like_json(content);
  if (size == 0 || (json && !nesting_of(content).closed)) {
    throw Error(all_came ? ErrorCode::source_failed : ErrorCode::source_unreachable,
                fmt::format("{}: the answer's JSON breaks off after {} bytes{}", where, size,
                            all_came ? ", although no more were announced" : ""),
                "Try again; if it happens every time, lower WELLHEAD_PAGE_SIZE and see the server's own log");
  }
  // Broken JSON is not quoted: it may be about people.
  auto message = fmt::format("{}: the answer is no JSON: {}", where,
                             json ? simdjson::error_message(code) : explain_body({.body = page.buffer}));
  throw Error(ErrorCode::source_not_fhir, std::move(message),
              "Check that WELLHEAD_SOURCE_URL is the base URL of a FHIR server, often ending in /fhir or /r4");
}

simdjson::error_code BundleReader::State::walk(std::string_view padded, SearchPage& page, std::string_view where) {
  BundleWalk walk(page, max_depth);
  try {
    auto document = parser.iterate(padded.data(), padded.size(), padded.size() + HttpResponse::kPadding);
    ondemand::object bundle = document.get_object();
    walk.read(bundle);
  } catch (const simdjson::simdjson_error& error) {
    return error.error();
  }
  check(walk, padded, where);
  return simdjson::SUCCESS;
}

void BundleReader::State::check(const BundleWalk& walk, std::string_view body, std::string_view where) const {
  if (walk.resource_type() != "Bundle") {
    auto message = walk.resource_type().empty() ? fmt::format("{}: the answer is JSON, but no FHIR resource", where)
                                                : fmt::format("{}: the answer is a {} where a Bundle belongs", where,
                                                              one_line(walk.resource_type(), 60));
    if (const auto outcome = read_outcome(body)) message.append(": ").append(outcome->text);
    throw Error(ErrorCode::source_not_fhir, std::move(message),
                "Check that WELLHEAD_SOURCE_URL is the base URL of a FHIR server, often ending in /fhir or /r4");
  }
  if (!walk.type().empty() && walk.type() != "searchset") {
    throw Error(ErrorCode::source_not_fhir,
                fmt::format("{}: the answer is a Bundle of type {} where a searchset belongs", where,
                            one_line(walk.type(), 60)));
  }
  if (walk.too_deep()) {
    throw Error(ErrorCode::source_limit, fmt::format("{}: the JSON is nested more than {} deep", where, max_depth));
  }
}

// The same walk over a copy of equal length in which every byte that is no UTF-8 is '?' and every control character a
// blank; the entries then point to the original bytes.
simdjson::error_code BundleReader::State::walk_sanitised(SearchPage& page, std::size_t size, std::string_view where) {
  std::string copy = page.buffer;
  std::vector<const char*> bad;
  for (std::size_t i = 0; i < size;) {
    const auto length = utf8_sequence(std::string_view(copy.data() + i, size - i));
    if (length == 0) {
      copy[i] = '?';
      bad.push_back(page.buffer.data() + i);
    } else if (length == 1 && static_cast<unsigned char>(copy[i]) < ' ') {
      copy[i] = ' ';
    }
    i += std::max<std::size_t>(length, 1);
  }
  const auto code = walk(std::string_view(copy.data(), size), page, where);
  for (auto& entry : page.entries) {
    if (entry.resource.empty()) continue;
    entry.resource =
        std::string_view(page.buffer.data() + (entry.resource.data() - copy.data()), entry.resource.size());
    const auto first_bad = std::ranges::lower_bound(bad, entry.resource.data());
    entry.valid_utf8 = first_bad == bad.end() || *first_bad >= entry.resource.data() + entry.resource.size();
  }
  return code;
}

}  // namespace wellhead::webclient
