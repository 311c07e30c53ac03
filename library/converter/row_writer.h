// Runs a view's program over one resource: nested loops over its forEach, each innermost turn one CSV row.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "library/converter/column_writer.h"

namespace wellhead::converter {

class RowWriter {
 public:
  // Rows of the view are appended to `rows`, each without line end; their ends to `ends`. The broken rule (then both
  // are of no use) or nullptr; failed_at() tells the column.
  const char* write(const ViewProgram& view, Evaluator& evaluator, CsvBuffer& rows, std::vector<std::size_t>& ends);

  // The column, or the path of a forEach, that the rule is about; nullptr: a `where` of the view.
  const Step* failed_at() const { return failed_at_; }
  void clear_failure() { failed_at_ = nullptr; }

 private:
  struct Loop {
    std::uint32_t step = 0;
    std::size_t base = 0;     // its items on the evaluator's stack
    std::uint32_t count = 0;  // turns
    std::uint32_t turn = 0;
    std::size_t row_mark = 0;  // bytes of the row that stand before it
  };

  enum class Selected { no, yes, failed };
  Selected selected(const ViewProgram& view, Evaluator& evaluator);
  std::uint32_t write_columns(const ViewProgram& view, std::uint32_t step, Evaluator& evaluator, CsvBuffer& rows);
  std::uint32_t run_of_nothing(const Step& step, const Evaluator& evaluator) const;
  bool bind_single(const Step& step, Evaluator& evaluator);
  void enter(const ViewProgram& view, std::uint32_t step, Evaluator& evaluator, std::size_t row_mark);
  void collect_repeated(const Step& step, const std::vector<OperationId>& paths, const Scope& scope,
                        Evaluator& evaluator, int depth);
  std::uint32_t bind(const ViewProgram& view, const Loop& loop, const Evaluator& evaluator);
  bool next_turn(const ViewProgram& view, Evaluator& evaluator, std::uint32_t& step);

  std::vector<Scope> scopes_;
  std::vector<Loop> loops_;
  // Bounds what a resource with huge arrays may multiply to.
  static constexpr std::size_t kMostRows = 1'000'000;
  static constexpr std::uint32_t kFailed = ~std::uint32_t{0};

  std::vector<Item> repeated_;
  CsvBuffer scratch_;
  const Step* failed_at_ = nullptr;
  const char* rule_ = nullptr;
};

}  // namespace wellhead::converter
