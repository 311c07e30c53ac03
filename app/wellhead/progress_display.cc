#include "app/wellhead/progress_display.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "app/wellhead/table.h"
#include "library/meta/logging.h"

namespace wellhead::app {
namespace {

constexpr auto kWindow = std::chrono::seconds(5);
constexpr auto kLogInterval = std::chrono::seconds(5);
constexpr std::size_t kBarWidth = 20;

double seconds_between(SteadyTime from, SteadyTime to) { return std::chrono::duration<double>(to - from).count(); }

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

TerminalSize terminal_size() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

std::string bar(double fraction) {
  const auto filled = static_cast<std::size_t>(std::lround(fraction * kBarWidth));
  return fmt::format("[{}{}] {:3.0f}%", std::string(filled, '#'), std::string(kBarWidth - filled, '.'), fraction * 100);
}

}  // namespace

void ProgressRate::add(SteadyTime now, const zipcode::Progress& progress) {
  fraction_.reset();
  if (progress.patients_expected && *progress.patients_expected > 0) {
    fraction_ = std::clamp(
        static_cast<double>(progress.patients_covered) / static_cast<double>(*progress.patients_expected), 0.0, 1.0);
  }
  const auto rows = progress.patients_staged + progress.observations_staged + progress.others_staged.value_or(0);
  samples_.push_back({now, rows, fraction_.value_or(0)});
  while (samples_.size() > 2 && now - samples_.front().time > kWindow) samples_.pop_front();
}

double ProgressRate::rows_per_second() const {
  if (samples_.size() < 2) return 0;
  const auto seconds = seconds_between(samples_.front().time, samples_.back().time);
  return seconds > 0 ? static_cast<double>(samples_.back().rows - samples_.front().rows) / seconds : 0;
}

std::optional<double> ProgressRate::seconds_left() const {
  if (!fraction_ || samples_.size() < 2) return std::nullopt;
  const auto gained = samples_.back().fraction - samples_.front().fraction;
  if (gained <= 0) return std::nullopt;
  return (1 - *fraction_) / gained * seconds_between(samples_.front().time, samples_.back().time);
}

std::string progress_words(const zipcode::Progress& progress, const ProgressRate& rate) {
  auto words =
      fmt::format("{} pages  {}", with_thousands(progress.patient_pages), with_thousands(progress.patients_staged));
  if (progress.patients_expected) words += "/" + with_thousands(*progress.patients_expected);
  words += fmt::format(" patients  {} observations", with_thousands(progress.observations_staged));
  if (progress.others_staged) words += fmt::format("  {} other resources", with_thousands(*progress.others_staged));
  words += fmt::format("  {} rows/s  {} retries", with_thousands(static_cast<std::int64_t>(rate.rows_per_second())),
                       with_thousands(progress.retries));
  if (progress.rejected > 0) words += fmt::format("  {} rejected", with_thousands(progress.rejected));
  return words;
}

std::string progress_state(const zipcode::Progress& progress, const ProgressRate& rate) {
  if (!progress.run.open()) return progress.run.state;
  if (progress.run.paused)
    return fmt::format("paused; `wellhead runs resume {}` lets it go on", progress.run.run.value);
  if (progress.run.state == "queued") return "waiting for its turn";
  const auto fraction = rate.fraction();
  if (fraction && *fraction >= 1) return "all received; loading and proving it";
  const auto left = rate.seconds_left();
  return left ? clock_time(*left) + " left" : "loading";
}

std::string progress_lines(const zipcode::Progress& progress, const ProgressRate& rate, std::size_t width) {
  auto first = progress.run.zipcode.text() + "  ";
  if (const auto fraction = rate.fraction()) first += bar(*fraction) + "  ";
  first += progress_state(progress, rate);
  const auto second = "       " + progress_words(progress, rate);
  return first.substr(0, width) + "\x1b[K\n" + second.substr(0, width) + "\x1b[K\n";
}

bool ProgressDisplay::standard_error_is_terminal() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

void ProgressDisplay::update(SteadyTime now, const std::vector<zipcode::Progress>& runs) {
  for (const auto& progress : runs) rates_[progress.run.run].add(now, progress);
  if (terminal_) {
    draw(runs);
  } else if (!last_log_ || now - *last_log_ >= kLogInterval) {
    if (last_log_) log(runs);  // a short load is told by its result
    last_log_ = now;
  }
}

void ProgressDisplay::draw(const std::vector<zipcode::Progress>& runs) {
  const auto size = terminal_size();
  std::string out = drawn_lines_ > 0 ? fmt::format("\r\x1b[{}A", drawn_lines_) : "";
  drawn_lines_ = 0;
  for (const auto& progress : runs) {
    if (!progress.run.open() || drawn_lines_ + 3 > size.rows) continue;
    out += progress_lines(progress, rates_[progress.run.run], size.columns - 1);
    drawn_lines_ += 2;
  }
  out += "\x1b[J";
  std::fwrite(out.data(), 1, out.size(), stderr);
}

void ProgressDisplay::log(const std::vector<zipcode::Progress>& runs) {
  for (const auto& progress : runs) {
    if (!progress.run.open()) continue;
    const meta::LogScope scope({.run = progress.run.run, .zipcode = progress.run.zipcode});
    const auto& rate = rates_[progress.run.run];
    spdlog::info("{}  {}", progress_words(progress, rate), progress_state(progress, rate));
  }
}

void ProgressDisplay::clear() {
  if (drawn_lines_ == 0) return;
  const auto out = fmt::format("\r\x1b[{}A\x1b[J", drawn_lines_);
  std::fwrite(out.data(), 1, out.size(), stderr);
  drawn_lines_ = 0;
}

}  // namespace wellhead::app
