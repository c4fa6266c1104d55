using System;
using System.Diagnostics;
using System.IO;

namespace MqttLink.Tests
{
    /// <summary>Files of the repository, and folders of a test's own.</summary>
    internal static class Paths
    {
        private static readonly Lazy<string> Root = new Lazy<string>(FindRoot);

        /// <summary>A file of the repository.</summary>
        internal static string Of(params string[] parts)
        {
            return Path.Combine(Root.Value, Path.Combine(parts));
        }

        /// <summary>A new folder, below target.</summary>
        internal static string NewFolder()
        {
            var path = Of("target", "dotnet", "scratch", Guid.NewGuid().ToString("N"));
            Directory.CreateDirectory(path);
            return path;
        }

        /// <summary>Runs a program to its end, and returns what it has written; fails with what it said.</summary>
        internal static string Run(string program, string arguments)
        {
            var start = new ProcessStartInfo(program, arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                UseShellExecute = false,
            };
            using (var process = Process.Start(start))
            {
                var errors = process.StandardError.ReadToEndAsync();
                var output = process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                if (process.ExitCode != 0)
                {
                    throw new InvalidOperationException(
                        program + " " + arguments + " ended with " + process.ExitCode + ":\n" + output
                        + errors.Result);
                }
                return output;
            }
        }

        private static string FindRoot()
        {
            var folder = AppDomain.CurrentDomain.BaseDirectory;
            while (folder != null && !File.Exists(Path.Combine(folder, "include", "mqttlink.h")))
            {
                folder = Path.GetDirectoryName(folder);
            }
            return folder ?? throw new InvalidOperationException(
                "the tests are not run from inside the repository: " + AppDomain.CurrentDomain.BaseDirectory);
        }
    }
}
