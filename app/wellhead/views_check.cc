// wellhead views check: whether a file is a view that can become a table, and which.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "app/wellhead/table.h"
#include "app/wellhead/views.h"
#include "library/converter/converter.h"
#include "library/meta/describe.h"
#include "library/meta/error.h"
#include "service/resource/view_file.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kViewsCheckExamples =
    "  wellhead views check my_conditions.json          names the file, path and column of a mistake\n"
    "  wellhead views check views/*.json --json         several, for machines\n"
    "Exit status: 0 when all are good, 1 when one is not, 2 when a file cannot be read.";

struct CheckedColumn {
  std::string name, type, description;
  static constexpr auto kFields =
      meta::fields(meta::field("name", &CheckedColumn::name), meta::field("type", &CheckedColumn::type),
                   meta::field("description", &CheckedColumn::description));
};

struct CheckedView {
  std::string file;
  bool ok = false;
  std::optional<std::string> name, resource, key, patient;
  bool part = false;
  std::vector<CheckedColumn> columns;
  std::optional<std::string> error, advice;

  static constexpr auto kFields =
      meta::fields(meta::field("file", &CheckedView::file), meta::field("ok", &CheckedView::ok),
                   meta::field("name", &CheckedView::name), meta::field("resource", &CheckedView::resource),
                   meta::field("key", &CheckedView::key), meta::field("patient", &CheckedView::patient),
                   meta::field("part", &CheckedView::part), meta::field("columns", &CheckedView::columns),
                   meta::field("error", &CheckedView::error), meta::field("advice", &CheckedView::advice));
};

struct CheckedViews {
  std::vector<CheckedView> views;
  static constexpr auto kFields = meta::fields(meta::field("views", &CheckedViews::views));
};

CheckedView check_file(const std::string& path) {
  CheckedView checked{.file = path};
  try {
    const auto file = resource::read_view_file(path);
    checked.name = file.view.name();
    checked.resource = file.view.resource();
    checked.part = file.part;
    for (const auto& column : file.view.columns()) {
      if (column.key != converter::KeyKind::none) checked.key = column.name;
      checked.columns.push_back({column.name, column.sql_type, column.description});
    }
    if (!file.part) checked.patient = file.patient_column;
    const converter::Converter compiled({file.view}, {});
    checked.ok = true;
  } catch (const meta::Error& error) {
    if (error.code() == meta::ErrorCode::invalid_input) throw;
    checked.error = error.message();
    checked.advice = error.advice();
  }
  return checked;
}

void print(const CheckedView& view) {
  if (!view.ok) return complain(*view.error, *view.advice);
  fmt::print("{}: a good view of {}: table {}, {}\n", view.file, *view.resource, *view.name,
             view.part ? fmt::format("any number of rows a resource, which {} names", *view.key)
                       : fmt::format("one row a resource; key {}, patient {}", *view.key, *view.patient));
  std::vector<std::vector<std::string>> rows = {{"COLUMN", "TYPE", "DESCRIPTION"}};
  for (const auto& column : view.columns) rows.push_back({column.name, column.type, column.description});
  std::fputs(format_table(rows).c_str(), stdout);
}

int check(const CommandLine& line, const std::vector<std::string>& files) {
  line.start();
  CheckedViews checked;
  for (const auto& file : files) checked.views.push_back(check_file(file));
  if (line.json) {
    fmt::print("{}\n", meta::to_json(checked));
  } else {
    for (const auto& view : checked.views) print(view);
  }
  return std::ranges::all_of(checked.views, &CheckedView::ok) ? kDone : kWorkFailed;
}

}  // namespace

void add_views_check(const Command& views, CommandLine& line) {
  const auto command = add_command(views, line, "check", "Check files of views, and show the tables that they make.",
                                   kViewsCheckExamples, {});
  const auto files = std::make_shared<std::vector<std::string>>();
  command.option("files", *files, "ViewDefinitions in JSON.").required().type_name("FILE");
  command.when_chosen([&line, files] { line.action = [&line, files] { return check(line, *files); }; });
}

}  // namespace wellhead::app
