using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using System.Threading;

namespace MqttLink.TestRunner
{
    /// <summary>Runs the tests of an assembly: <c>[FILTER] [--list] [--junit=FILE]</c>.</summary>
    public static class Runner
    {
        /// <summary>
        /// Runs the tests whose names contain the filter, and returns the exit code: 0 if none has failed and
        /// at least one has run.
        /// </summary>
        public static int Run(Assembly assembly, string[] arguments)
        {
            var filter = arguments.FirstOrDefault(argument => !argument.StartsWith("--")) ?? "";
            var junit = arguments.FirstOrDefault(argument => argument.StartsWith("--junit="));
            var tests = Find(assembly).Where(test => test.Name.Contains(filter)).ToList();
            if (arguments.Contains("--list"))
            {
                tests.ForEach(test => Console.WriteLine(test.Name));
                return 0;
            }
            tests.ForEach(RunOne);
            var failed = tests.Count(test => test.Outcome == Outcome.Failed);
            var skipped = tests.Count(test => test.Outcome == Outcome.Skipped);
            var passed = tests.Count - failed - skipped;
            if (junit != null)
            {
                Report.Write(junit.Substring("--junit=".Length), assembly.GetName().Name, tests);
            }
            Console.WriteLine(passed + " passed, " + failed + " failed, " + skipped + " skipped");
            Console.Out.Flush();
            return failed == 0 && passed > 0 ? 0 : 1;
        }

        private static IEnumerable<TestRun> Find(Assembly assembly)
        {
            foreach (var type in assembly.GetTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
            {
                foreach (var method in type.GetMethods().OrderBy(method => method.Name, StringComparer.Ordinal))
                {
                    var test = method.GetCustomAttribute<TestAttribute>();
                    if (test == null)
                    {
                        continue;
                    }
                    var cases = method.GetCustomAttributes<CaseAttribute>().Select(one => one.Arguments).ToList();
                    if (cases.Count == 0)
                    {
                        cases.Add(new object[0]);
                    }
                    foreach (var arguments in cases)
                    {
                        yield return new TestRun(type, method, arguments, test.Seconds);
                    }
                }
            }
        }

        // On a thread of its own, so that a test that hangs is told of and the next one runs.
        private static void RunOne(TestRun test)
        {
            var clock = Stopwatch.StartNew();
            var thread = new Thread(test.Invoke) { IsBackground = true, Name = test.Name };
            thread.Start();
            if (!thread.Join(TimeSpan.FromSeconds(test.Seconds)))
            {
                test.TimedOut();
            }
            test.Elapsed = clock.Elapsed;
            var line = test.Outcome.ToString().ToLowerInvariant().PadRight(8) + test.Name
                + " (" + (long)test.Elapsed.TotalMilliseconds + " ms)";
            Console.WriteLine(test.Message == null ? line : line + "\n    " + test.Message.Replace("\n", "\n    "));
            Console.Out.Flush();
        }
    }
}
