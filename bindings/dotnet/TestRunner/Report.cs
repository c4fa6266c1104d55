using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security;
using System.Text;

namespace MqttLink.TestRunner
{
    /// <summary>Writes what came of the tests as JUnit XML.</summary>
    internal static class Report
    {
        internal static void Write(string path, string suite, IReadOnlyList<TestRun> tests)
        {
            var xml = new StringBuilder("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
            xml.AppendFormat("<testsuite name=\"{0}\" tests=\"{1}\" failures=\"{2}\" skipped=\"{3}\">\n",
                Escape(suite), tests.Count, tests.Count(test => test.Outcome == Outcome.Failed),
                tests.Count(test => test.Outcome == Outcome.Skipped));
            foreach (var test in tests)
            {
                xml.AppendFormat(CultureInfo.InvariantCulture,
                    "  <testcase classname=\"{0}\" name=\"{1}\" time=\"{2:F3}\">",
                    Escape(test.Class), Escape(test.Name), test.Elapsed.TotalSeconds);
                if (test.Outcome != Outcome.Passed)
                {
                    var element = test.Outcome == Outcome.Failed ? "failure" : "skipped";
                    xml.AppendFormat("<{0} message=\"{1}\"/>", element, Escape(test.Message));
                }
                xml.Append("</testcase>\n");
            }
            xml.Append("</testsuite>\n");
            File.WriteAllText(path, xml.ToString(), new UTF8Encoding(false));
        }

        private static string Escape(string text)
        {
            return SecurityElement.Escape(new string(text.Where(IsAllowed).ToArray()));
        }

        private static bool IsAllowed(char letter)
        {
            return letter >= ' ' || letter == '\n' || letter == '\t';
        }
    }
}
