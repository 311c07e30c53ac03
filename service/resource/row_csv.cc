#include "service/resource/row_csv.h"

namespace wellhead::resource {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

}  // namespace

void append_csv_field(std::string_view text, std::string& out) {
  if (!text.empty() && text.find_first_of("\",\r\n") == std::string_view::npos) {
    out.append(text);
    return;
  }
  out.push_back('"');
  for (const char c : text) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

RowCsv::RowCsv(const std::vector<converter::Column>& columns, const std::vector<bool>& only,
               const Pseudonyms* pseudonyms)
    : pseudonyms_(pseudonyms) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!only.empty() && !only[i]) continue;
    fields_.push_back({columns[i].name, static_cast<int>(i), value_kind(columns[i].sql_type)});
  }
}

std::string RowCsv::header() const {
  std::string out;
  for (const Field& field : fields_) {
    if (!out.empty()) out.push_back(',');
    append_csv_field(field.name, out);
  }
  return out.append(kLineEnd);
}

void RowCsv::write(const storage::Result& rows, int row, std::string& out) const {
  for (const Field& field : fields_) {
    if (&field != &fields_.front()) out.push_back(',');
    if (rows.is_null(row, field.column)) continue;
    const std::string_view text = rows.text(row, field.column);
    switch (field.kind) {
      case ValueKind::boolean:
        out.append(text == "t" ? "true" : "false");
        break;
      case ValueKind::timestamp:
        append_moment(text, out);
        break;
      case ValueKind::number:
        out.append(text);
        break;
      case ValueKind::pseudonym:
        out.append(pseudonyms_->of(text));
        break;
      default:
        append_csv_field(text, out);
    }
  }
  out.append(kLineEnd);
}

}  // namespace wellhead::resource
