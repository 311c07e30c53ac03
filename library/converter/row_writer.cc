#include "library/converter/row_writer.h"

namespace wellhead::converter {

// Whether the view's `where` paths all hold.
RowWriter::Selected RowWriter::selected(const ViewProgram& view, Evaluator& evaluator) {
  for (const OperationId where : view.where) {
    const std::size_t base = evaluator.size();
    evaluator.evaluate(where, scopes_[0]);
    const std::size_t count = evaluator.size() - base;
    const Item item = count > 0 ? evaluator.item(base) : Item::of_boolean(false);
    evaluator.truncate(base);
    const auto holds = evaluator.boolean_of(item);
    if (count > 1 || !holds) evaluator.fail("a condition is not a boolean");
    if (evaluator.failure() != nullptr) return Selected::failed;
    if (!*holds) return Selected::no;
  }
  return Selected::yes;
}

// Items found at every depth, parents before children.
void RowWriter::collect_repeated(const Step& step, const std::vector<OperationId>& paths, const Scope& scope,
                                 Evaluator& evaluator, int depth) {
  if (depth > Document::kMaxDepth) return evaluator.fail("a repeat does not end");
  for (const OperationId path : paths) {
    const std::size_t base = evaluator.size();
    evaluator.evaluate(path, scope);
    for (std::size_t i = base; i < evaluator.size() && evaluator.failure() == nullptr; ++i) {
      const Item item = evaluator.item(i);
      repeated_.push_back(item);
      if (repeated_.size() > kMostRows) return evaluator.fail("a repeat gives more than 1,000,000 items");
      collect_repeated(step, step.again, {item, 0, scope.row_index}, evaluator, depth + 1);
    }
    evaluator.truncate(base);
  }
}

// An iteration over at most one item needs no loop: its scope is set for good. False: it needs one.
bool RowWriter::bind_single(const Step& step, Evaluator& evaluator) {
  const bool or_null = step.kind == Step::Kind::for_each_or_null;
  if (step.kind != Step::Kind::for_each && !or_null) return false;
  const Scope& scope = scopes_[step.scope];
  Item item;
  if (!evaluator.absent(evaluator.plan().operations[step.operation], scope) &&
      !evaluator.single(step.operation, scope, item)) {
    return false;
  }
  if (evaluator.failure() != nullptr || (item.kind == Item::Kind::nothing && !or_null)) return false;
  scopes_[step.inner] = {item, 0, 0};
  return true;
}

void RowWriter::enter(const ViewProgram& view, std::uint32_t step_index, Evaluator& evaluator, std::size_t row_mark) {
  const Step& step = view.steps[step_index];
  Loop loop{step_index, evaluator.size(), 0, 0, row_mark};
  if (step.kind == Step::Kind::branch) {
    loop.count = static_cast<std::uint32_t>(step.targets.size());
  } else {
    if (step.kind == Step::Kind::repeat) {
      repeated_.clear();
      collect_repeated(step, step.start, scopes_[step.scope], evaluator, 0);
      for (const Item& item : repeated_) evaluator.push(item);
    } else {
      evaluator.evaluate(step.operation, scopes_[step.scope]);
    }
    if (evaluator.size() == loop.base && step.kind == Step::Kind::for_each_or_null) evaluator.push({});
    loop.count = static_cast<std::uint32_t>(evaluator.size() - loop.base);
  }
  loops_.push_back(loop);
}

// Sets the loop's scope for its present turn; the step to go on at.
std::uint32_t RowWriter::bind(const ViewProgram& view, const Loop& loop, const Evaluator& evaluator) {
  const Step& step = view.steps[loop.step];
  if (step.kind == Step::Kind::branch) return step.targets[loop.turn];
  scopes_[step.inner] = {evaluator.item(loop.base + loop.turn), loop.turn, loop.turn};
  return loop.step + 1;
}

// Goes to the next turn of the innermost loop that has one. False: all is done.
bool RowWriter::next_turn(const ViewProgram& view, Evaluator& evaluator, std::uint32_t& step) {
  while (!loops_.empty()) {
    Loop& loop = loops_.back();
    if (loop.turn < loop.count) {
      step = bind(view, loop, evaluator);
      ++loop.turn;
      return true;
    }
    evaluator.truncate(loop.base);
    loops_.pop_back();
  }
  return false;
}

// How many columns from this one on are known to be NULL; 0: this one is to be evaluated.
std::uint32_t RowWriter::run_of_nothing(const Step& step, const Evaluator& evaluator) const {
  if (step.guard == kNoSlot) return 0;
  const Item& self = scopes_[step.scope].self;
  if (self.kind == Item::Kind::nothing) return step.empty_run;
  const Document& document = evaluator.document();
  const bool absent =
      self.kind == Item::Kind::node && document.is_object(self.node) && document.field(self.node, step.guard) == 0;
  return absent ? step.absent_run : 0;
}

// Writes the columns from `step` on; the step behind them, or kFailed.
std::uint32_t RowWriter::write_columns(const ViewProgram& view, std::uint32_t at, Evaluator& evaluator,
                                       CsvBuffer& rows) {
  for (; view.steps[at].kind == Step::Kind::column; ++at) {
    const Step& step = view.steps[at];
    if (const std::uint32_t run = run_of_nothing(step, evaluator); run > 0) {
      rows.append_commas(step.column > 0 ? run : run - 1);
      at += run - 1;
      continue;
    }
    if (step.column > 0) rows.append(',');
    rule_ = write_column(step, scopes_[step.scope], evaluator, rows, scratch_);
    if (rule_ != nullptr) {
      failed_at_ = &step;
      return kFailed;
    }
  }
  return at;
}

const char* RowWriter::write(const ViewProgram& view, Evaluator& evaluator, CsvBuffer& rows,
                             std::vector<std::size_t>& ends) {
  failed_at_ = nullptr;
  loops_.clear();
  scopes_.assign(view.scopes, {});
  scopes_[0].self = Item::of_node(0);
  switch (selected(view, evaluator)) {
    case Selected::failed:
      return evaluator.failure();
    case Selected::no:
      return nullptr;
    case Selected::yes:
      break;
  }
  std::size_t row = rows.size();  // where the present row begins
  bool row_open = true;
  for (std::uint32_t at = 0;;) {
    at = write_columns(view, at, evaluator, rows);
    if (at == kFailed) return rule_;
    const Step& step = view.steps[at];
    if (step.kind == Step::Kind::jump) {
      at = step.targets[0];
      continue;
    }
    if (step.kind == Step::Kind::row_end) {
      ends.push_back(rows.size());
      if (ends.size() > kMostRows) return "the view gives more than 1,000,000 rows";
      row_open = false;
    } else {
      if (bind_single(step, evaluator)) {
        ++at;
        continue;
      }
      enter(view, at, evaluator, rows.size() - row);
      failed_at_ = &step;
      if (evaluator.failure() != nullptr) return evaluator.failure();
    }
    if (!next_turn(view, evaluator, at)) break;
    const std::size_t mark = loops_.back().row_mark;
    if (row_open) {
      rows.truncate(row + mark);
    } else {
      const std::size_t next = rows.size();
      rows.repeat(row, mark);
      row = next;
      row_open = true;
    }
  }
  if (row_open) rows.truncate(row);
  return nullptr;
}

}  // namespace wellhead::converter
