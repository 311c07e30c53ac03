#include "library/webclient/fhir/outcome.h"

#include <simdjson.h>

#include "library/webclient/text.h"

namespace wellhead::webclient {
namespace {

using simdjson::dom::element;

constexpr std::size_t kMaxText = 300;

std::string_view text_at(element value, std::string_view pointer) {
  std::string_view text;
  return value.at_pointer(pointer).get(text) == simdjson::SUCCESS ? text : std::string_view();
}

int gravity(std::string_view severity) {
  if (severity == "fatal") return 4;
  if (severity == "error") return 3;
  return severity == "warning" ? 2 : 1;
}

std::string_view text_of(element issue) {
  for (const auto* pointer : {"/diagnostics", "/details/text", "/details/coding/0/display", "/code"}) {
    if (const auto text = text_at(issue, pointer); !text.empty()) return text;
  }
  return {};
}

}  // namespace

std::optional<Outcome> read_outcome(std::string_view json) {
  simdjson::dom::parser parser;
  element root;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) return std::nullopt;
  if (text_at(root, "/resourceType") != "OperationOutcome") return std::nullopt;
  Outcome outcome;
  simdjson::dom::array issues;
  if (root.at_key("issue").get(issues) != simdjson::SUCCESS) return outcome;
  int gravest = 0;
  for (const auto issue : issues) {
    const auto grave = gravity(text_at(issue, "/severity"));
    outcome.errors += grave >= 3 ? 1 : 0;
    outcome.warnings += grave == 2 ? 1 : 0;
    if (grave <= gravest) continue;
    gravest = grave;
    outcome.text = one_line(text_of(issue), kMaxText);
  }
  return outcome;
}

std::string explain_outcome(const HttpResponse& response) {
  const auto outcome = read_outcome(response.body);
  return outcome ? outcome->text : explain_body(response);
}

}  // namespace wellhead::webclient
