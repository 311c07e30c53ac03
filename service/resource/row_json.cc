#include "service/resource/row_json.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "library/meta/describe.h"

namespace wellhead::resource {
namespace {

constexpr bool needs_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

constexpr std::uint64_t repeated(unsigned char byte) { return 0x0101010101010101U * byte; }

// Where in the text, from there on, the first character is that needs an escape; its size: nowhere. Eight at a time,
// for this looks at most of what is sent: in a word that has none, no byte's highest bit comes out.
std::size_t next_escape(std::string_view text, std::size_t from) {
  std::size_t at = from;
  for (std::uint64_t word = 0; text.size() - at >= sizeof(word); at += sizeof(word)) {
    std::memcpy(&word, text.data() + at, sizeof(word));
    const std::uint64_t quote = word ^ repeated('"');
    const std::uint64_t backslash = word ^ repeated('\\');
    const std::uint64_t found =
        ((word - repeated(0x20)) & ~word) | ((quote - repeated(1)) & ~quote) | ((backslash - repeated(1)) & ~backslash);
    if ((found & repeated(0x80)) != 0) break;
  }
  while (at < text.size() && !needs_escape(text[at])) ++at;
  return at;
}

void append_escaped(char c, std::string& out) {
  constexpr std::string_view digits = "0123456789abcdef";
  switch (c) {
    case '"':
      out.append("\\\"");
      break;
    case '\\':
      out.append("\\\\");
      break;
    case '\n':
      out.append("\\n");
      break;
    case '\r':
      out.append("\\r");
      break;
    case '\t':
      out.append("\\t");
      break;
    default:
      out.append({'\\', 'u', '0', '0', digits[static_cast<unsigned char>(c) >> 4],
                  digits[static_cast<unsigned char>(c) & 15]});
  }
}

// NaN, Infinity and -Infinity of numeric and float8.
bool is_json_number(std::string_view text) {
  const char last = text.empty() ? 'x' : text.back();
  return last >= '0' && last <= '9';
}

void append_number(std::string_view text, std::string& out) {
  is_json_number(text) ? static_cast<void>(out.append(text)) : append_json_string(text, out);
}

// One element of PostgreSQL's array text format, which starts at `at`; moves `at` behind it.
std::string take_element(std::string_view text, std::size_t& at, bool& quoted) {
  std::string element;
  quoted = text[at] == '"';
  if (quoted) ++at;
  while (at < text.size()) {
    const char c = text[at];
    if (quoted ? c == '"' : (c == ',' || c == '}')) break;
    if (c == '\\' && at + 1 < text.size()) ++at;
    element.push_back(text[at++]);
  }
  if (quoted) ++at;
  return element;
}

// {a,"b c",NULL} (PostgreSQL manual, "Array Input and Output Syntax"); one dimension.
void append_array(std::string_view text, std::string& out) {
  out.push_back('[');
  std::size_t at = 1;
  while (at + 1 < text.size()) {
    if (at > 1) out.push_back(',');
    bool quoted = false;
    const std::string element = take_element(text, at, quoted);
    !quoted&& element == "NULL" ? static_cast<void>(out.append("null")) : append_json_string(element, out);
    ++at;  // the comma
  }
  out.push_back(']');
}

bool is_number_type(std::string_view type) {
  constexpr auto types = std::to_array<std::string_view>(
      {"smallint", "integer", "int", "bigint", "real", "double precision", "float8", "int4", "int8"});
  return std::ranges::find(types, type) != types.end() || type.starts_with("numeric") || type.starts_with("decimal");
}

bool is_integer_type(std::string_view type) {
  return type == "smallint" || type == "integer" || type == "int" || type == "bigint" || type == "int4" ||
         type == "int8";
}

bool is_timestamp_type(std::string_view type) { return type == "timestamptz" || type == "timestamp with time zone"; }

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  out.push_back('"');
  std::size_t plain = 0;
  for (std::size_t at = next_escape(text, 0); at < text.size(); at = next_escape(text, plain)) {
    out.append(text.substr(plain, at - plain));
    append_escaped(text[at], out);
    plain = at + 1;
  }
  out.append(text.substr(plain));
  out.push_back('"');
}

ValueKind value_kind(std::string_view sql_type) {
  if (sql_type.ends_with("[]")) return ValueKind::array;
  if (is_number_type(sql_type)) return ValueKind::number;
  if (sql_type == "boolean") return ValueKind::boolean;
  if (sql_type == kPseudonymType) return ValueKind::pseudonym;
  if (is_timestamp_type(sql_type)) return ValueKind::timestamp;
  if (sql_type == "json" || sql_type == "jsonb") return ValueKind::json;
  return ValueKind::text;
}

void append_moment(std::string_view text, std::string& out) {
  if (text.size() > 13 && text[10] == ' ' && text.ends_with("+00")) {
    out.append(text.substr(0, 10)).push_back('T');
    out.append(text.substr(11, text.size() - 14)).push_back('Z');
  } else {
    out.append(text);
  }
}

RowJson::RowJson(const std::vector<converter::Column>& columns, const Pseudonyms* pseudonyms)
    : pseudonyms_(pseudonyms) {
  for (const converter::Column& column : columns) {
    std::string key;
    append_json_string(column.name, key);
    members_.push_back({key + ":", value_kind(column.sql_type)});
  }
}

bool RowJson::write_members(const storage::Result& rows, int row, int first_column, std::string& out,
                            const std::vector<bool>& only) const {
  bool any = false;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const int column = first_column + static_cast<int>(i);
    if ((!only.empty() && !only[i]) || rows.is_null(row, column)) continue;
    if (std::exchange(any, true)) out.push_back(',');
    out.append(members_[i].key);
    const std::string_view text = rows.text(row, column);
    switch (members_[i].kind) {
      case ValueKind::number:
        append_number(text, out);
        break;
      case ValueKind::boolean:
        out.append(text == "t" ? "true" : "false");
        break;
      case ValueKind::timestamp:
        out.push_back('"');
        append_moment(text, out);
        out.push_back('"');
        break;
      case ValueKind::json:
        out.append(text);
        break;
      case ValueKind::array:
        append_array(text, out);
        break;
      case ValueKind::text:
        append_json_string(text, out);
        break;
      case ValueKind::pseudonym:
        append_json_string(pseudonyms_->of(text), out);
        break;
    }
  }
  return any;
}

std::string column_schema(const converter::Column& column) {
  const std::string_view type = column.sql_type;
  std::string out = "{";
  if (type.ends_with("[]")) {
    out += R"("type":"array","items":{"type":["string","null"]})";
  } else if (is_integer_type(type)) {
    out += R"("type":"integer")";
  } else if (is_number_type(type)) {
    out += R"("type":"number")";
  } else if (type == "boolean") {
    out += R"("type":"boolean")";
  } else if (type == "date") {
    out += R"("type":"string","format":"date")";
  } else if (is_timestamp_type(type)) {
    out += R"("type":"string","format":"date-time")";
  } else if (type != "json" && type != "jsonb") {
    out += R"("type":"string")";
  }
  if (!column.description.empty()) {
    if (out.size() > 1) out.push_back(',');
    out += R"("description":)";
    append_json_string(column.description, out);
  }
  return out + "}";
}

}  // namespace wellhead::resource
