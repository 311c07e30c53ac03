#include "service/resource/resource_table.h"

#include <algorithm>

#include "library/meta/digest.h"
#include "service/resource/table.h"

namespace wellhead::resource {

std::size_t ResourceTable::patient_place() const {
  const auto& columns = view.columns();
  return static_cast<std::size_t>(std::ranges::find(columns, patient_column, &converter::Column::name) -
                                  columns.begin());
}

std::vector<converter::View> ResourceTable::views() const {
  std::vector<converter::View> all = {view};
  for (const auto& part : parts) all.push_back(part.view);
  return all;
}

std::vector<std::string> ResourceTable::table_names() const {
  std::vector<std::string> names;
  for (const auto& each : views()) names.push_back(each.name());
  return names;
}

std::vector<storage::TargetTable> ResourceTable::targets() const {
  std::vector<storage::TargetTable> all = {target_table(view)};
  for (const auto& part : parts) all.push_back(child_table(part.view, view));
  return all;
}

std::string ResourceTable::users_digest() const {
  constexpr std::size_t digits = 16;
  std::string digests = built_in() ? "" : view.digest();
  for (const auto& part : parts) {
    if (!part.file.empty()) digests += part.view.digest();
  }
  return digests.empty() ? digests : meta::sha256_hex(digests).substr(0, digits);
}

std::string plural_of_type(std::string_view resource_type) {
  std::string words;
  for (const char c : resource_type) {
    const bool capital = c >= 'A' && c <= 'Z';
    if (capital && !words.empty()) words.push_back(' ');
    words.push_back(capital ? static_cast<char>(c - 'A' + 'a') : c);
  }
  if (words.ends_with('s')) return words + "es";
  return words.ends_with('y') ? words.substr(0, words.size() - 1) + "ies" : words + "s";
}

}  // namespace wellhead::resource
