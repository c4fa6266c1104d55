using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MqttLink.Interop
{
    /// <summary>Finds the C library, and says where it was looked for if it is not there.</summary>
    internal static class NativeLibraryFinder
    {
        internal const string Variable = "MQTTLINK_LIBRARY_PATH";

        private static readonly Lazy<Exception> Problem = new Lazy<Exception>(FindProblem);

        private static bool HasResolver => load != null;

        /// <summary>Throws if the library cannot be used.</summary>
        /// <exception cref="DllNotFoundException">It was not found; the text says where it was looked for.</exception>
        /// <exception cref="EntryPointNotFoundException">What was found is of another version.</exception>
        internal static void Ensure()
        {
            var problem = Problem.Value;
            if (problem is DllNotFoundException)
            {
                throw new DllNotFoundException(problem.Message, problem);
            }
            if (problem != null)
            {
                throw new EntryPointNotFoundException(problem.Message, problem);
            }
        }

        /// <summary>
        /// Has .NET Core 3.0 and later ask <see cref="Resolve"/>. Mono and .NET Framework, which cannot be told, look
        /// beside the assembly and where the system looks.
        /// </summary>
        internal static void Install()
        {
            var type = Type.GetType("System.Runtime.InteropServices.NativeLibrary");
            var resolver = Type.GetType("System.Runtime.InteropServices.DllImportResolver");
            var install = type?.GetMethod("SetDllImportResolver");
            load = type?.GetMethod("TryLoad", new[] { typeof(string), typeof(IntPtr).MakeByRefType() });
            if (install == null || resolver == null || load == null)
            {
                return;
            }
            const BindingFlags own = BindingFlags.NonPublic | BindingFlags.Static;
            var method = typeof(NativeLibraryFinder).GetMethod(nameof(Resolve), own);
            var target = Delegate.CreateDelegate(resolver, method);
            try
            {
                install.Invoke(null, new object[] { typeof(NativeLibraryFinder).Assembly, target });
            }
            catch (TargetInvocationException exception)
                when (exception.InnerException is InvalidOperationException)
            {
                // The program has installed a resolver of its own for this assembly.
            }
        }

        private static MethodInfo load;

        private static IntPtr Resolve(string name, Assembly assembly, DllImportSearchPath? path)
        {
            foreach (var candidate in Candidates())
            {
                var arguments = new object[] { candidate, IntPtr.Zero };
                if (name == NativeMethods.Library && File.Exists(candidate) && (bool)load.Invoke(null, arguments))
                {
                    return (IntPtr)arguments[1];
                }
            }
            return IntPtr.Zero;
        }

        /// <summary>The files that are tried, in order, before the system's own places.</summary>
        internal static IEnumerable<string> Candidates()
        {
            var file = FileName();
            var given = Environment.GetEnvironmentVariable(Variable);
            if (!string.IsNullOrEmpty(given) && HasResolver)
            {
                yield return Directory.Exists(given) ? Path.Combine(given, file) : given;
            }
            var beside = Path.GetDirectoryName(typeof(NativeLibraryFinder).Assembly.Location);
            if (string.IsNullOrEmpty(beside))
            {
                beside = AppContext.BaseDirectory;
            }
            yield return Path.Combine(beside, file);
            if (HasResolver)
            {
                yield return Path.Combine(beside, "runtimes", Rid(), "native", file);
            }
        }

        private static string FileName()
        {
            var system = OperatingSystem();
            return system == "win" ? "mqttlink.dll" : system == "osx" ? "libmqttlink.dylib" : "libmqttlink.so";
        }

        internal static string OperatingSystem()
        {
            switch (Environment.OSVersion.Platform)
            {
                case PlatformID.Win32NT:
                    return "win";
                case PlatformID.MacOSX:
                    return "osx";
                default:
                    // .NET says Unix on a Mac too.
                    return Directory.Exists("/System/Library/CoreServices") ? "osx" : "linux";
            }
        }

        private static string Rid()
        {
            try
            {
                return OperatingSystem() + "-" + Architecture();
            }
            catch (TypeLoadException)
            {
                // Mono may lack the type.
                return OperatingSystem() + (IntPtr.Size == 8 ? "-x64" : "-x86");
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static string Architecture()
        {
            return RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
        }

        private static Exception FindProblem()
        {
            try
            {
                var found = Text.FromNative(NativeMethods.mqttlink_version());
                var wanted = typeof(NativeLibraryFinder).Assembly.GetName().Version;
                var version = new Version(found);
                return version.Major == wanted.Major && version.Minor >= wanted.Minor
                    ? null
                    : new EntryPointNotFoundException("the C library of mqttlink that was found has version "
                        + found + ", and this assembly needs " + wanted.ToString(2)
                        + " or later; the two files belong to different packages");
            }
            catch (DllNotFoundException exception)
            {
                return new DllNotFoundException(Explain(exception.Message), exception);
            }
            catch (BadImageFormatException exception)
            {
                return new DllNotFoundException(Explain(exception.Message), exception);
            }
        }

        private static string Explain(string message)
        {
            var text = "the C library of mqttlink could not be loaded for " + Rid() + ". It was looked for as ";
            foreach (var candidate in Candidates())
            {
                text += candidate + (File.Exists(candidate) ? " (which is there but could not be loaded), " : ", ");
            }
            return text + "and as " + FileName() + " where the system looks (LD_LIBRARY_PATH and the like). "
                + "Put the file beside MqttLink.dll" + (HasResolver
                    ? ", or its folder into the environment variable " + Variable
                    : ", or its folder into the system's path for libraries")
                + ". The runtime says: " + message;
        }
    }
}
