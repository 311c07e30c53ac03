#include "app/fhirsim/damage.h"

#include <array>
#include <string>

namespace wellhead::fhirsim {
namespace {

// Behind the opening quote of the value of the first member with one of the names; npos: none.
template <std::size_t N>
std::size_t string_value(const std::string& text, const std::array<std::string_view, N>& names) {
  for (const auto name : names) {
    const std::string member = '"' + std::string(name) + "\":\"";
    if (const auto place = text.find(member); place != std::string::npos) return place + member.size();
  }
  return std::string::npos;
}

// Replaces a string value, its quotes included.
template <std::size_t N>
void replace_value(std::string& text, const std::array<std::string_view, N>& names, std::string_view json) {
  const auto begin = string_value(text, names);
  if (begin == std::string::npos) return;
  text.replace(begin - 1, text.find('"', begin) - begin + 2, json);
}

constexpr std::array<std::string_view, 3> kTexts = {"family", "text", "display"};
constexpr std::array<std::string_view, 2> kDates = {"birthDate", "effectiveDateTime"};

}  // namespace

void damage(std::string_view what, Buffer& body, std::size_t begin) {
  std::string text(body.view(begin));
  if (what == "bad_utf8" || what == "nul") {
    const auto place = string_value(text, kTexts);
    if (place != std::string::npos) text.insert(place, what == "nul" ? "\\u0000" : "\xff");
  } else if (what == "truncated_json") {
    text.resize(text.size() / 2);
  } else if (what == "missing_id") {
    const auto place = text.find("\"id\":\"");
    const auto end = place == std::string::npos ? place : text.find(',', place);
    if (end != std::string::npos) text.erase(place, end - place + 1);
  } else if (what == "wrong_type") {
    replace_value(text, std::array<std::string_view, 2>{"birthDate", "status"}, R"({"wrong":true})");
  } else if (what == "wrong_resource_type") {
    replace_value(text, std::array<std::string_view, 1>{"resourceType"}, R"("Basic")");
  } else if (what == "impossible_date") {
    replace_value(text, kDates, R"("2023-02-30")");
  } else if (what == "wrong_reference") {
    const auto subject = text.find("\"subject\":");
    const auto place = subject == std::string::npos ? subject : text.find("\"Patient/", subject);
    if (place != std::string::npos) text.replace(place, text.find('"', place + 1) - place + 1, R"("Group/1")");
  }
  body.truncate(begin);
  body.append(text);
}

}  // namespace wellhead::fhirsim
