#include "service/resource/view_file.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "library/meta/error.h"
#include "service/resource/table.h"

namespace wellhead::resource {
namespace {

using converter::KeyKind;
using converter::View;
using meta::Error;
using meta::ErrorCode;
using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

// What a definition says of its columns that the view itself does not tell.
struct Facts {
  struct Column {
    std::string name, path;
    bool each_row = false;  // below a forEach: not the same in all rows of a resource
  };
  std::vector<Column> columns;
  bool several_rows = false;
};

std::string_view text_of(const object& owner, const char* field) {
  std::string_view text;
  return owner[field].get(text) == simdjson::SUCCESS ? text : std::string_view();
}

template <class Each>
void for_each_object(const object& owner, const char* field, Each each) {
  array list;
  if (owner[field].get(list) != simdjson::SUCCESS) return;
  for (const element item : list) each(item.get_object().value_unsafe());
}

void read_select(const object& select, bool each_row, Facts& facts) {
  for (const auto* field : {"forEach", "forEachOrNull"}) {
    const auto over = text_of(select, field);
    if (over.empty()) continue;
    each_row = true;
    facts.several_rows = facts.several_rows || !over.ends_with("first()");
  }
  array list;
  if (select["repeat"].get(list) == simdjson::SUCCESS) each_row = facts.several_rows = true;
  if (select["unionAll"].get(list) == simdjson::SUCCESS && list.size() > 1) facts.several_rows = true;
  for_each_object(select, "column", [&](const object& column) {
    facts.columns.push_back({std::string(text_of(column, "name")), std::string(text_of(column, "path")), each_row});
  });
  for (const auto* field : {"select", "unionAll"}) {
    for_each_object(select, field, [&](const object& child) { read_select(child, each_row, facts); });
  }
}

// Added alone where the view itself says what the key is.
constexpr std::string_view kRequired = R"({"name":"wellhead/required","value":"true"})";

// Column names with the tags (and the type) to add to them.
using Additions = std::map<std::string, std::string, std::less<>>;

std::string with_additions(element value, const Additions& additions);

std::string column_with(const object& column, const std::string& tags) {
  std::string out = "{";
  std::string known;
  for (const auto& field : column) {
    if (field.key == "tag") {
      known = simdjson::minify(field.value);
      continue;
    }
    out += fmt::format("\"{}\":{},", field.key, simdjson::minify(field.value));
  }
  element type;
  const bool found_out = !tags.starts_with(kRequired);
  if (found_out && column["type"].get(type) != simdjson::SUCCESS) out += R"("type":"id",)";
  if (known.size() > 2) {
    known.pop_back();
    return out + "\"tag\":" + known + "," + tags + "]}";
  }
  return out + "\"tag\":[" + tags + "]}";
}

std::string array_with(const array& list, const Additions& additions) {
  std::string out;
  for (const element item : list) {
    out += out.empty() ? "[" : ",";
    object column;
    const bool is_object = item.get_object().get(column) == simdjson::SUCCESS;
    const auto found = is_object ? additions.find(text_of(column, "name")) : additions.end();
    out += found == additions.end() ? with_additions(item, additions) : column_with(column, found->second);
  }
  return out.empty() ? "[]" : out + "]";
}

// The definition's text with the tags added; only selects are looked into.
std::string with_additions(element value, const Additions& additions) {
  object owner;
  if (value.get_object().get(owner) != simdjson::SUCCESS) return simdjson::minify(value);
  std::string out;
  for (const auto& field : owner) {
    out += fmt::format("{}\"{}\":", out.empty() ? "{" : ",", field.key);
    array list;
    const bool looked_into = field.key == "select" || field.key == "unionAll" || field.key == "column";
    out += looked_into && field.value.get_array().get(list) == simdjson::SUCCESS ? array_with(list, additions)
                                                                                 : simdjson::minify(field.value);
  }
  return out.empty() ? "{}" : out + "}";
}

const converter::Column& column_named(const View& view, std::string_view name) {
  return *std::ranges::find(view.columns(), name, &converter::Column::name);
}

class RoleFinder {
 public:
  RoleFinder(const std::filesystem::path& path, const View& view, Facts facts)
      : path_(path), view_(view), facts_(std::move(facts)) {}

  // Sets what the file is, and gives the tags that say so.
  Additions find(ViewFile& file) {
    Additions additions;
    const auto& key = find_key(file, additions);
    if (file.part) return additions;
    file.patient_column = view_.resource() == "Patient" ? key.name : find_patient();
    if (file.patient_column != key.name) {
      require_text(file.patient_column, "the patient's id");
      if (column_named(view_, file.patient_column).filter == converter::FilterKind::none) {
        additions[file.patient_column] = R"({"name":"wellhead/filter","value":"exact"})";
      }
    }
    return additions;
  }

 private:
  [[noreturn]] void fail(const std::string& what, const std::string& advice) const {
    throw Error(ErrorCode::invalid_view, fmt::format("{}: view {}: {}", path_.string(), view_.name(), what), advice);
  }

  void require_text(const std::string& name, const std::string& what) const {
    const auto& type = column_named(view_, name).sql_type;
    if (type != "text") fail(fmt::format("column {} holds {} and is {}", name, what, type), "Give it the type id");
  }

  const converter::Column& find_key(ViewFile& file, Additions& additions) const {
    for (const auto& column : view_.columns()) {
      if (column.key == KeyKind::none) continue;
      file.part = column.key == KeyKind::parent;
      require_text(column.name, "the key");
      if (!column.required) additions[column.name] = kRequired;
      return column;
    }
    const auto found = std::ranges::find_if(facts_.columns, [](const Facts::Column& column) {
      return !column.each_row && (column.path == "getResourceKey()" || column.path == "id");
    });
    if (found == facts_.columns.end()) {
      fail("no column holds the resource's id, which is the table's key",
           R"json(Add {"name": "id", "path": "getResourceKey()", "type": "id"} to a select without forEach)json");
    }
    file.part = facts_.several_rows;
    require_text(found->name, "the key");
    additions[found->name] =
        fmt::format(R"({{"name":"wellhead/key","value":"{}"}},{})", file.part ? "parent" : "primary", kRequired);
    return column_named(view_, found->name);
  }

  std::string find_patient() const {
    const auto has_name = [](const Facts::Column& column) { return column.name == "patient_id"; };
    const auto has_path = [](const Facts::Column& column) {
      return !column.each_row && column.path.ends_with("getReferenceKey(Patient)");
    };
    auto found = std::ranges::find_if(facts_.columns, has_name);
    if (found == facts_.columns.end()) found = std::ranges::find_if(facts_.columns, has_path);
    if (found != facts_.columns.end()) return found->name;
    fail("no column says which patient a row is about",
         R"json(Add {"name": "patient_id", "path": "subject.getReferenceKey(Patient)", "type": "id"}, )json"
         "or patient. instead of subject. as the resource has it");
  }

  const std::filesystem::path& path_;
  const View& view_;
  Facts facts_;
};

}  // namespace

ViewFile parse_view(const std::filesystem::path& path, std::string_view json) {
  ViewFile file{.path = path, .view = {}, .patient_column = {}, .part = false};
  try {
    const auto plain = View::parse(json);
    simdjson::dom::parser parser;
    element root;
    if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) return file;  // parse() has refused it
    Facts facts;
    for_each_object(root.get_object().value_unsafe(), "select",
                    [&](const object& select) { read_select(select, false, facts); });
    const auto additions = RoleFinder(path, plain, std::move(facts)).find(file);
    file.view = additions.empty() ? plain : View::parse(with_additions(root, additions));
    file.part ? child_table(file.view, file.view) : target_table(file.view);  // checks the names
    return file;
  } catch (const Error& error) {
    const auto where = path.string() + ": ";
    if (error.message().starts_with(where)) throw;
    throw Error(error.code(), where + error.message(), error.advice());
  }
}

ViewFile read_view_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string json((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in.is_open() || in.bad() || std::filesystem::is_directory(path)) {
    throw Error(ErrorCode::invalid_input, fmt::format("{} cannot be read", path.string()),
                "Give the path of a ViewDefinition in JSON");
  }
  return parse_view(path, json);
}

}  // namespace wellhead::resource
