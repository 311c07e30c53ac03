// wellhead views run: the rows that a view gives of NDJSON resources, without a database.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "app/wellhead/views.h"
#include "library/converter/converter.h"
#include "library/converter/csv_reader.h"
#include "library/meta/describe.h"
#include "library/meta/error.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kViewsRunExamples =
    "  wellhead views run my_conditions.json Condition.ndjson              its rows as CSV\n"
    "  zstdcat Condition.ndjson.zst | wellhead views run my_conditions.json -   from standard input\n"
    "  wellhead views run my_conditions.json *.ndjson --format ndjson      one JSON object a row\n"
    "Resources of other types are passed over; one that the view rejects is told on standard error.\n"
    "Exit status: 0 done, 1 when a resource was rejected or the view is no good, 2 when a file cannot be read.";

struct RunArguments {
  std::string view;
  std::vector<std::string> inputs;
  std::string format = "csv";
};

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in.is_open() || in.bad()) {
    throw meta::Error(meta::ErrorCode::invalid_input, fmt::format("{} cannot be read", path),
                      "Give the path of a file");
  }
  return text;
}

// Writes rows in one of the formats.
class RowPrinter {
 public:
  RowPrinter(const converter::View& view, std::string format) : columns_(view.columns()), format_(std::move(format)) {
    std::string header;
    for (const auto& column : columns_) header += (header.empty() ? "" : ",") + column.name;
    if (format_ == "csv") fmt::print("{}\n", header);
    if (format_ == "json") std::fputs("[", stdout);
  }

  // csv: lines of a converter's output, whose last field is the digest.
  void print(std::string_view csv) {
    constexpr std::size_t digest_bytes = 34;  // ",", 32 digits and the line's end
    for (std::size_t at = 0; at < csv.size();) {
      const auto begin = at;
      const auto fields = converter::read_csv_line(csv, at);
      if (format_ == "csv") {
        fmt::print("{}\n", csv.substr(begin, at - begin - digest_bytes));
      } else {
        print_object(fields);
      }
    }
  }

  void end() const {
    if (format_ == "json") fmt::print("{}]\n", rows_ > 0 ? "\n" : "");
  }

 private:
  static bool is_json_already(std::string_view type) {
    return type == "boolean" || type == "integer" || type == "bigint" || type == "numeric" || type == "jsonb";
  }

  void print_object(const std::vector<std::optional<std::string>>& fields) {
    std::string out = "{";
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) out += ",";
      out += meta::to_json(columns_[i].name) + ":";
      if (!fields[i]) {
        out += "null";
      } else {
        out += is_json_already(columns_[i].sql_type) ? *fields[i] : meta::to_json(*fields[i]);
      }
    }
    const auto* const before = format_ == "json" ? (rows_ == 0 ? "\n" : ",\n") : "";
    fmt::print("{}{}}}{}", before, out, format_ == "json" ? "" : "\n");
    ++rows_;
  }

  std::vector<converter::Column> columns_;
  std::string format_;
  std::size_t rows_ = 0;
};

class ViewRun {
 public:
  ViewRun(const converter::View& view, const std::string& format)
      : converter_({view}, {.base_url = {}, .any_rows = true}), printer_(view, format) {}

  void read(std::istream& in, const std::string& name) {
    std::string resource;
    for (std::size_t number = 1; std::getline(in, resource); ++number) {
      if (resource.find_first_not_of(" \t\r") == std::string::npos) continue;
      const auto size = resource.size();
      resource.resize(size + converter::Converter::kPadding);
      converter::CsvOutput rows;
      const auto converted = converter_.convert(std::string_view(resource).substr(0, size), {}, std::span(&rows, 1));
      if (converted) {
        printer_.print(rows.bytes);
        continue;
      }
      ++rejected_;
      fmt::print(stderr, "wellhead: {}:{}: rejected: {}\n", name, number, converted.error().reason);
    }
  }

  int end() const {
    printer_.end();
    if (rejected_ == 0) return kDone;
    complain(fmt::format("{} resources were rejected", rejected_), "");
    return kWorkFailed;
  }

 private:
  converter::Converter converter_;
  RowPrinter printer_;
  std::size_t rejected_ = 0;
};

int run_view(const CommandLine& line, const RunArguments& arguments) {
  line.start();
  const auto view = converter::View::parse(file_text(arguments.view));
  for (const auto& input : arguments.inputs) {
    if (input != "-" && !std::ifstream(input).is_open()) {
      throw meta::Error(meta::ErrorCode::invalid_input, fmt::format("{} cannot be read", input),
                        "Give paths of NDJSON files, or - for standard input");
    }
  }
  ViewRun run(view, line.json ? "json" : arguments.format);
  for (const auto& input : arguments.inputs) {
    if (input == "-") {
      run.read(std::cin, "standard input");
    } else {
      std::ifstream in(input, std::ios::binary);
      run.read(in, input);
    }
  }
  if (arguments.inputs.empty()) run.read(std::cin, "standard input");
  return run.end();
}

}  // namespace

void add_views_run(const Command& views, CommandLine& line) {
  const auto command = add_command(
      views, line, "run", "Show the rows that a view gives of resources, without a database.", kViewsRunExamples, {});
  const auto arguments = std::make_shared<RunArguments>();
  command.option("view", arguments->view, "ViewDefinition in JSON.").required().type_name("FILE");
  command.option("inputs", arguments->inputs, "Files with a resource a line; - (the default) is standard input.")
      .type_name("NDJSON");
  command.option("--format", arguments->format, "csv, ndjson or json. Default: csv.")
      .one_of({"csv", "ndjson", "json"})
      .type_name("csv|ndjson|json");
  command.when_chosen([&line, arguments] { line.action = [&line, arguments] { return run_view(line, *arguments); }; });
}

}  // namespace wellhead::app
