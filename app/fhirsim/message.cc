#include "app/fhirsim/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "library/meta/describe.h"

namespace wellhead::fhirsim {

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t place = 0; place < text.size(); ++place) {
    unsigned value = 0;
    if (text[place] == '+') {
      decoded += ' ';
    } else if (text[place] == '%' && place + 2 < text.size() &&
               std::from_chars(text.data() + place + 1, text.data() + place + 3, value, 16).ptr ==
                   text.data() + place + 3) {
      decoded += static_cast<char>(value);
      place += 2;
    } else {
      decoded += text[place];
    }
  }
  return decoded;
}

Parameters parse_parameters(std::string_view encoded) {
  Parameters parameters;
  while (!encoded.empty()) {
    const auto end = std::min(encoded.find('&'), encoded.size());
    const auto pair = encoded.substr(0, end);
    const auto equals = std::min(pair.find('='), pair.size());
    if (!pair.empty()) {
      parameters.emplace_back(percent_decoded(pair.substr(0, equals)),
                              percent_decoded(pair.substr(std::min(equals + 1, pair.size()))));
    }
    encoded.remove_prefix(std::min(end + 1, encoded.size()));
  }
  return parameters;
}

std::string json_string(std::string_view text) {
  rapidjson::StringBuffer buffer;
  meta::JsonWriter writer(buffer);
  meta::write_text(writer, text);
  return {buffer.GetString(), buffer.GetSize()};
}

void Reply::start_over() {
  constexpr std::size_t kept = std::size_t{16} << 20;
  status = 200;
  content_type = kFhirJson;
  headers.clear();
  body.clear();
  body.shrink(kept);
  delay_ms = 0;
  held_at.reset();
  ending = Ending::whole;
  piece_bytes = piece_ms = 0;
  resources = 0;
}

void Reply::header(std::string_view name, std::string_view value) {
  headers += name;
  headers += ": ";
  headers += value;
  headers += "\r\n";
}

void Reply::outcome(int new_status, std::string_view code, std::string_view diagnostics) {
  status = new_status;
  content_type = kFhirJson;
  resources = 0;
  body.assign(fmt::format(
      R"({{"resourceType":"OperationOutcome","issue":[{{"severity":"error","code":"{}","diagnostics":{}}}]}})", code,
      json_string(diagnostics)));
}

void Reply::html(int new_status, std::string_view title) {
  status = new_status;
  content_type = kHtml;
  resources = 0;
  body.assign(fmt::format("<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>\n", title));
}

void Reply::json(int new_status, std::string_view text) {
  status = new_status;
  content_type = kJson;
  body.assign(text);
}

}  // namespace wellhead::fhirsim
