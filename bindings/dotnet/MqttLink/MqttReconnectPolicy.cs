using System;

namespace MqttLink
{
    /// <summary>
    /// How a client connects again by itself after a connection was lost: at once, and then with pauses that double,
    /// each shortened at random by up to a half so that many clients do not come at the same time.
    /// </summary>
    public sealed class MqttReconnectPolicy
    {
        /// <summary>The first pause. Default: 1 s.</summary>
        public TimeSpan FirstDelay { get; set; } = TimeSpan.FromSeconds(1);

        /// <summary>The longest pause. Default: 60 s.</summary>
        public TimeSpan MaximumDelay { get; set; } = TimeSpan.FromSeconds(60);

        /// <summary>After how many failed attempts in a row it gives up; 0, the default, is never.</summary>
        public int MaximumAttempts { get; set; }

        /// <summary>The pause before an attempt, from 0; the first one comes at once.</summary>
        internal TimeSpan Delay(int attempt, double random)
        {
            if (attempt == 0)
            {
                return TimeSpan.Zero;
            }
            var full = FirstDelay.TotalMilliseconds * Math.Pow(2, Math.Min(attempt - 1, 30));
            var bounded = Math.Min(full, MaximumDelay.TotalMilliseconds);
            return TimeSpan.FromMilliseconds(bounded * (1 - random / 2));
        }
    }
}
