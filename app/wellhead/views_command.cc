// wellhead views: the tables that there are views for; under it the commands about files of views.
#include <fmt/format.h>

#include <cstdio>

#include "app/wellhead/composition.h"
#include "app/wellhead/table.h"
#include "app/wellhead/views.h"
#include "library/meta/describe.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kViewsExamples =
    "  wellhead views list                                   which tables a load fills, and from which views\n"
    "  wellhead views check my_conditions.json               is it a good view, and what table does it make?\n"
    "  wellhead views run my_conditions.json Condition.ndjson   its rows, without a database\n"
    "  wellhead views test tests/                            run test suites in the public format\n"
    "A view is a ViewDefinition of SQL on FHIR. Put yours into a directory and set WELLHEAD_VIEWS to it.";

constexpr std::string_view kListExamples =
    "  wellhead views list                                   the built-in ones, and those of WELLHEAD_VIEWS\n"
    "  wellhead views list --views ./views                   with those of a directory\n"
    "  wellhead views list --json                            for machines";

struct ListedView {
  std::string name;
  std::string resource;
  std::string of;  // table | part of TABLE
  std::int64_t columns = 0;
  bool loaded = false;
  std::string file;  // empty: built in
  std::string description;

  static constexpr auto kFields =
      meta::fields(meta::field("name", &ListedView::name), meta::field("resource", &ListedView::resource),
                   meta::field("of", &ListedView::of), meta::field("columns", &ListedView::columns),
                   meta::field("loaded", &ListedView::loaded), meta::field("file", &ListedView::file),
                   meta::field("description", &ListedView::description));
};

struct ViewList {
  std::vector<ListedView> views;
  static constexpr auto kFields = meta::fields(meta::field("views", &ViewList::views));
};

ListedView listed(const converter::View& view, std::string of, bool loaded, const std::filesystem::path& file) {
  return {view.name(), view.resource(), std::move(of),     static_cast<std::int64_t>(view.columns().size()),
          loaded,      file.string(),   view.description()};
}

int list_views(const CommandLine& line) {
  const auto settings = line.start();
  const auto known = catalog(settings);
  ViewList list;
  for (const auto& entry : known.entries()) {
    list.views.push_back(listed(entry.table.view, "table", entry.loaded, entry.table.file));
    for (const auto& part : entry.table.parts) {
      list.views.push_back(listed(part.view, "part of " + entry.table.name(), entry.loaded, part.file));
    }
  }
  if (line.json) {
    fmt::print("{}\n", meta::to_json(list));
    return kDone;
  }
  std::vector<std::vector<std::string>> rows = {{"TABLE", "RESOURCE", "COLUMNS", "LOADED", "FROM"}};
  for (const auto& view : list.views) {
    auto from = view.file.empty() ? "built in" : view.file;
    if (view.of != "table") from += ", " + view.of;
    rows.push_back({view.name, view.resource, std::to_string(view.columns), view.loaded ? "yes" : "no", from});
  }
  using enum Align;
  std::fputs(format_table(rows, {left, left, right, left, left}).c_str(), stdout);
  return kDone;
}

}  // namespace

void add_views_list(const Command& views, CommandLine& line) {
  const auto command = add_command(views, line, "list", "List the views, and which tables a load fills.", kListExamples,
                                   {&meta::setting::kResources, &meta::setting::kViews});
  command.when_chosen([&line] { line.action = [&line] { return list_views(line); }; });
}

void add_views(const Command& program, CommandLine& line) {
  const auto command =
      add_command_group(program, "views", "List, check, run and test views: what becomes a table.", kViewsExamples);
  for (const auto add : {add_views_list, add_views_check, add_views_run, add_views_test}) add(command, line);
}

}  // namespace wellhead::app
